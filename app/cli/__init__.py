"""`flask --app wsgi ...`: the operator's commands. stdout carries their result, stderr the rest."""
