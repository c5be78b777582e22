"""Log lines: their format, what is hidden in them, and what is kept of libraries' messages.

It is below everything else: gunicorn's master uses it before anything is patched or counted.
"""
