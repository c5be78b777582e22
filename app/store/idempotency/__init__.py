"""What became of requests that came with an Idempotency-Key (C3)."""
