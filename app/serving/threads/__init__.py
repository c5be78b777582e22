"""Threads that serve requests."""
