"""Streams that this process sends to their callers, seen by every process while they run (C7)."""
