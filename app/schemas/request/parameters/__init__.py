"""Parameters of a response that need more than a type check, and rules across parameters."""
