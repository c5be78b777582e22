"""Which responses or conversations of an account are to be listed, and a page of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.domain.response import Status

R = TypeVar("R")

_CURSOR = re.compile(r"([0-9]{1,12})\.([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class ListCursor:
    """Where a list goes on: behind the first `passed` of what came in a second, newest first.

    It names no response: those without their key (C6) are not to be learnt of from it.
    """

    at: int
    passed: int

    @classmethod
    def read(cls, text: str) -> ListCursor | None:
        """Return the cursor that a text is, None for none."""
        match = _CURSOR.fullmatch(text)
        return match and cls(int(match[1]), int(match[2]))

    @property
    def text(self) -> str:
        """The cursor as `read` takes it."""
        return f"{self.at}.{self.passed}"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What is to be listed, newest first. Times are in Unix seconds: from `since` on, before
    `until`. No statuses are all; each key of `metadata` has to have its value.
    """

    limit: int
    since: int | None = None
    until: int | None = None
    statuses: frozenset[Status] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    after: ListCursor | None = None

    @property
    def is_search(self) -> bool:
        """Whether what is listed has to be looked for."""
        return bool(self.statuses or self.metadata)

    def matches(self, metadata: Mapping[str, str] | None) -> bool:
        """Tell whether what has this metadata, None for unknown, is wanted."""
        if not self.metadata:
            return True
        known = metadata or {}
        return all(known.get(key) == value for key, value in self.metadata.items())


@dataclass(frozen=True, slots=True)
class ListPage(Generic[R]):
    """A page of a list. `next` is where it goes on, None where it does not. `examined` were looked
    at; `is_cut` says that these were as many as may be, before the page was full.
    """

    rows: tuple[R, ...]
    next: str | None
    examined: int
    is_cut: bool = False
