"""The operator's commands. stdout carries their result, stderr the rest.

`responses-gateway ...` is one way to them (root), `flask --app wsgi ...` the other
(common/commands).
"""
