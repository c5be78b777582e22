"""Providers that have several keys, and keys that are read where they are kept (N7)."""
