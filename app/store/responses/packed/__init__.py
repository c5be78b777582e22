"""The stored form of turns, and of where their items are."""
