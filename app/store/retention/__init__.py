"""What is due to be purged, and what an operator looks for to purge it."""
