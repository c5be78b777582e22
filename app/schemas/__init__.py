"""JSON to domain values and back: the only room that imports marshmallow."""
