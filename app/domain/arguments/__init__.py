"""Parses arguments written by models: JSON in fragments, sometimes cut off or broken."""
