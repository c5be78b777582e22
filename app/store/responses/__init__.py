"""The store of responses: conversations, turn by turn."""
