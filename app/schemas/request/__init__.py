"""The schemas of requests: they validate JSON and convert it into domain values."""
