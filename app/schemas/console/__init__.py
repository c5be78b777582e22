"""JSON of the console's reads: for its own page, so that none of it is in /openapi.json."""
