"""Convert the names of calls to ones that upstreams accept. Pure."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from app.domain.tools import LONGEST_NAME

_DIGITS = 8

_is_name = re.compile(rf"[a-zA-Z0-9_-]{{1,{LONGEST_NAME}}}").fullmatch
_others = re.compile(r"[^a-zA-Z0-9_-]")


@lru_cache(maxsize=1024)  # MEASURED: a history has hundreds of calls of a few functions
def call_name(name: str) -> str:
    """Return a call's name in a form that every upstream accepts, always the same one (U12).

    Tools always have valid names; but models invent others, for which servers refuse a history.
    """
    if _is_name(name):
        return name
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:_DIGITS]
    return f"{_others.sub('_', name)[: LONGEST_NAME - _DIGITS - 1]}_{digest}"
