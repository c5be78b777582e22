"""Log lines: how one is written, what is hidden in it, and what libraries may say.

Beneath everything else, so that gunicorn's master can use it before anything is patched or counted.
"""
