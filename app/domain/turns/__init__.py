"""Turns of conversations: what stores keep, what services start from, what is listed."""
