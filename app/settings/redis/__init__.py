"""Settings of how Redis is reached."""
