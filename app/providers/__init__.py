"""Upstream models: two pure mappings each, with a POST between them."""
