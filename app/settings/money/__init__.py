"""What answers may cost, and what they do."""
