"""What the strings inside items and tools may be."""

from __future__ import annotations

LONGEST_TEXT = 10_485_760
LONGEST_ID = 512
LONGEST_SEALED = 20_971_520
#: How many of each an array may hold (N15).
MOST_ITEMS = 20_000
MOST_PARTS = 5_000
MOST_TOOLS = 1_024
#: After so many elements a reading pauses, so that other requests run.
SLICE = 250
LONGEST_CALL_ID = 64
LONGEST_FUNCTION = 256
LONGEST_DESCRIPTION = 1_048_576
NAME = r"[a-zA-Z0-9_-]{1,64}"
NAME_HINT = "must be 1 to 64 letters, digits, '_' or '-'"
ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
#: How much a model may reason.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
