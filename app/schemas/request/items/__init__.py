"""The items that a caller may send, by kind."""
