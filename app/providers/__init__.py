"""Model providers: each format is two pure mappings, to and from the upstream, and one POST."""
