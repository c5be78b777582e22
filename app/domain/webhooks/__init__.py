"""Webhooks: who is to hear of a response's end, of what, and what becomes of telling them."""
