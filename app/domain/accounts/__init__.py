"""Accounts, their API keys, their limits, and their usage."""
