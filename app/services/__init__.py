"""What the gateway does, in its own words."""
