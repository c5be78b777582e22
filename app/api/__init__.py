"""The HTTP layer: the request handlers, on flask, which no lower layer imports."""
