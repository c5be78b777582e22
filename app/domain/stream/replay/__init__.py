"""Remakes a stream that was sent, from its response and the places where it was cut."""
