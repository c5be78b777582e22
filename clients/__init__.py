"""Real client packages, each with its tool loop, through a real gateway: `python -m clients`."""
