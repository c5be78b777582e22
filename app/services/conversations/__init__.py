"""Conversations with ids of their own: made, read, extended by responses and by their callers."""
