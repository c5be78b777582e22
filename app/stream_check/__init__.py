"""The checker of event streams: framing, the form of each event, the order of all."""
