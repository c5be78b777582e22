"""Single parameters of a response that need more than a type, and the rules across them."""
