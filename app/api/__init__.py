"""The HTTP layer: the request handlers and what they need of flask."""
