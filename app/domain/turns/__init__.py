"""Turns of conversations: as stored, as the context of new turns, and as listed."""
