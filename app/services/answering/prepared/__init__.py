"""Prepared requests, and the requests to providers that are built from them."""
