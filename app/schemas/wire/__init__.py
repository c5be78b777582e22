"""What the gateway tells: the wire, declared key by key, for the documentation and the checks."""
