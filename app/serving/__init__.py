"""How gunicorn serves the app with gevent: the only package that imports either of them."""
