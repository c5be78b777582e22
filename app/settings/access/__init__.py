"""Who may come in, beside those who have a key."""
