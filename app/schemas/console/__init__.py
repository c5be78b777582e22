"""JSON of the console's reads. It serves only the console's page, and is not in /openapi.json."""
