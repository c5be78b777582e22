"""HTTP under the endpoints: bodies, queries, headers, errors, event streams."""
