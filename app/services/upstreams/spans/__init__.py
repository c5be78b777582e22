"""Tracing of model calls (M4)."""
