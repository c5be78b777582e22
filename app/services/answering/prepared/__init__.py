"""A request that can be answered, and what providers are asked of it."""
