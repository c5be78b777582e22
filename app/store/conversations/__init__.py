"""The store of conversations with ids: lists of items that any number of writers extend."""
