"""HTTP in gunicorn's workers: request heads, bodies, responses, refusals."""
