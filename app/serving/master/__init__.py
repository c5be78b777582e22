"""What gunicorn's master keeps beside its workers."""
