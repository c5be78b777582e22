"""A conversation as messages of Chat Completions: written, and known from before."""
