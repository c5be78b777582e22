"""Requests that are made again are answered as they were the first time (C3)."""
