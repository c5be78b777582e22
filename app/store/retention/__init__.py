"""The store's side of retention: what is due to be purged, and an operator's searches for it."""
