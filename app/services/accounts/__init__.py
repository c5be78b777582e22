"""Accounts, their keys, and what these permit."""
