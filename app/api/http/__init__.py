"""HTTP below the endpoints: bodies, queries, headers, errors, event streams."""
