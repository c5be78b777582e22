"""The tools that a caller may declare, by type."""
