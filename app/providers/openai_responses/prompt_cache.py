"""Write prompt cache options and breakpoints in OpenAI's form (U23). Pure."""

from __future__ import annotations

from typing import Any

from app.domain.answer_options import CacheOptions
from app.domain.items import CacheBreakpoint

#: openai 3.57, ResponseCreateParams: a minimum lifetime, 30m or 12h.
_LIFETIMES = {"5m": "30m", "1h": "12h"}


def cache_options(options: CacheOptions) -> dict[str, Any]:
    """Return the options of a request."""
    return {"mode": options.mode} | _lifetime(options.ttl)


def cache_breakpoint(given: CacheBreakpoint) -> dict[str, Any]:
    """Return the breakpoint of a part."""
    return {"mode": "explicit"} | _lifetime(given.ttl)


def _lifetime(ttl: str | None) -> dict[str, str]:
    return {} if ttl is None else {"ttl": _LIFETIMES.get(ttl, ttl)}
