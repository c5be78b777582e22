"""Limits for strings and arrays inside items and tools."""

from __future__ import annotations

LONGEST_TEXT = 10_485_760
LONGEST_ID = 512
LONGEST_SEALED = 20_971_520
#: Maximum array lengths (N15).
MOST_ITEMS = 20_000
MOST_PARTS = 5_000
MOST_TOOLS = 1_024
#: Number of elements after which reading pauses, so that other requests can run.
SLICE = 250
LONGEST_CALL_ID = 64
LONGEST_FUNCTION = 256
LONGEST_DESCRIPTION = 1_048_576
NAME = r"[a-zA-Z0-9_-]{1,64}"
NAME_HINT = "must be 1 to 64 letters, digits, '_' or '-'"
ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
