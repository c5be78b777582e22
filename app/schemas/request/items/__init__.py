"""The input items that a caller may send, by type."""
