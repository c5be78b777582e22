"""Purges: of what has expired, and of what an operator names by age or end user."""
