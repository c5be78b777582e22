"""What a caller may ask with: the parts of a request, from JSON to the domain's values."""
