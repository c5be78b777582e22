"""The blueprints: one handler for each path and method."""
