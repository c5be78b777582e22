"""Turns, and where their items are, as a store takes them."""
