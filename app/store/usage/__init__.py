"""The store of usage, and of the request log."""
