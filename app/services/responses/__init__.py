"""Responses as their callers see them: created, continued, read, deleted."""
