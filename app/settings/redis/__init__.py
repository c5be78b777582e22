"""Where Redis is, and how it is reached."""
