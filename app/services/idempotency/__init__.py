"""Idempotency keys: a repeated request gets the answer of the first one (C3)."""
