"""Requests and tokens over time, and requests in flight."""
