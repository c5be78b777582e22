"""The minimum length of a prompt that is cached, by the model's name.

platform.claude.com, "Prompt caching", "Cache limitations", as of October 2026; Claude 3 as the page
had it while they were served. A model that is not in the table is assumed to be a new one:
marking a prompt that is too short has no effect there, and costs nothing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

#: Globs of names, dots written as hyphens -> the minimum number of tokens in a cached prefix. The
#: first match wins.
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
    """Return the minimum number of tokens in a prefix that is cached."""
    name = model.lower().replace(".", "-")
    return next(tokens for glob, tokens in _LEAST if fnmatchcase(name, glob))
