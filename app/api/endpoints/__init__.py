"""The blueprints: one handler for each method of each path."""
