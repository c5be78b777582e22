"""Queries for lists of an account's responses or conversations, and their pages."""

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
    """Where a list continues, newest first: after the first `passed` entries of the second `at`.

    It contains no id: responses without the caller's key (C6) must not be revealed by it.
    """

    at: int
    passed: int

    @classmethod
    def read(cls, text: str) -> ListCursor | None:
        """Parse a cursor; None if the text is not one."""
        match = _CURSOR.fullmatch(text)
        return match and cls(int(match[1]), int(match[2]))

    @property
    def text(self) -> str:
        """The cursor in the form that `read` parses."""
        return f"{self.at}.{self.passed}"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list, newest first.

    Times are in Unix seconds: from `since` on, before `until`. No statuses means all; each key of
    `metadata` must have its value.
    """

    limit: int
    since: int | None = None
    until: int | None = None
    statuses: frozenset[Status] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    after: ListCursor | None = None

    @property
    def is_search(self) -> bool:
        """Whether entries must be searched for."""
        return bool(self.statuses or self.metadata)

    def matches(self, metadata: Mapping[str, str] | None) -> bool:
        """Tell whether an entry with this metadata (None: unknown) matches."""
        if not self.metadata:
            return True
        known = metadata or {}
        return all(known.get(key) == value for key, value in self.metadata.items())


@dataclass(frozen=True, slots=True)
class ListPage(Generic[R]):
    """A page of a list. `next` is the cursor of the next page, None for the last.

    `examined` entries were examined; `is_cut` says that the maximum was examined before the page
    was full.
    """

    rows: tuple[R, ...]
    next: str | None
    examined: int
    is_cut: bool = False
