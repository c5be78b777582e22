"""A stream that was sent, made again from its response and the places where it was cut."""
