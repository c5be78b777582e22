"""The store of accounts, their keys, and the audit log."""
