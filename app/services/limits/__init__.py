"""What a caller may use, and what was used."""
