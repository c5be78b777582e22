"""From a model's deltas to the events of a stream, and from events to a response."""
