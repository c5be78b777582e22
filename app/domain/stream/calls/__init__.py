"""Builders of an answer's open calls: of functions, custom tools and built-in tools."""
