"""Providers with several keys, and keys that are read from files or commands (N7)."""
