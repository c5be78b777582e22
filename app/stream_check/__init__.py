"""The checker of event streams: their framing, the form of each event, and their order."""
