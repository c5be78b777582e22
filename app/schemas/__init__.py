"""Conversion between JSON and domain values: the only package that imports marshmallow."""
