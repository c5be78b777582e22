"""The schemas of requests: JSON is checked and becomes the domain's values."""
