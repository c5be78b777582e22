"""Stores that keep everything in the process: for tests that need no Redis."""
