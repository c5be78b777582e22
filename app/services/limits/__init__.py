"""The limits of callers, and the record of their usage."""
