"""How gunicorn serves the app with gevent: the only room that knows either of them."""
