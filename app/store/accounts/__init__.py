"""Accounts, their keys, and the audit log."""
