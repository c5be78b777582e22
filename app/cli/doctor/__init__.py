"""`doctor`: checks whether everything that the gateway needs is there."""
