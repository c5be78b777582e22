"""How long a prompt must be for its model's server to cache it, by the model's name.

platform.claude.com, "Prompt caching", "Cache limitations", as of October 2026; Claude 3 as the page
had it while they were served. A model that the table does not know yet is taken for a new one:
marking a prompt that is too short has no effect there, and costs nothing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

#: Globs of names, dots written as hyphens -> the fewest tokens of a prefix that is cached. The
#: first match holds.
_LEAST = (
    ("*claude-3-opus*", 1024),
    ("*claude-3*haiku*", 2048),
    ("*claude-3-*", 1024),
    ("*claude-opus-4-5*", 4096),
    ("*claude-opus-4-6*", 4096),
    ("*claude-opus-4-7*", 2048),
    ("*claude-haiku-4*", 4096),
    ("*claude-*-4*", 1024),
    ("*claude-mythos-preview*", 2048),
    ("*claude-sonnet-5-5*", 512),
    ("*claude-sonnet-5*", 1024),
    ("*claude-*", 512),
    ("*", 1024),
)


@lru_cache(maxsize=1024)
def least_cached_tokens(model: str) -> int:
    """Return how many tokens a prefix must have at least."""
    name = model.lower().replace(".", "-")
    return next(tokens for glob, tokens in _LEAST if fnmatchcase(name, glob))
