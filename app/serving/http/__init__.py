"""HTTP as gunicorn's workers read and write it here: heads, bodies, answers, refusals."""
