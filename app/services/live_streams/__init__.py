"""Streams that this process sends to its callers, visible to every process while they run (C7)."""
