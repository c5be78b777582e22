"""Conversations with ids of their own: lists of items that any number of writers extend."""
