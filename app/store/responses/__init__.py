"""Stored responses: conversations, turn by turn."""
