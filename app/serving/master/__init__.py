"""Options and metrics of gunicorn's master."""
