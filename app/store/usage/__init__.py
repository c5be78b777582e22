"""What accounts have used."""
