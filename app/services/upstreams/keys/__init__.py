"""The keys by which providers are called: their order, their rests, their renewal (N7)."""
