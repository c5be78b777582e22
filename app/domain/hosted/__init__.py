"""What other servers know and run: passed on as it came, and put into words elsewhere."""
