"""The store of idempotency keys: results of requests that came with an Idempotency-Key (C3)."""
