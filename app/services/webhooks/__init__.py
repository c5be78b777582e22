"""Webhooks: an account's endpoints, and what is sent to them (C4, N4)."""
