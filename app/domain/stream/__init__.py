"""Streams: from a model's deltas to events, and from events to a response."""
