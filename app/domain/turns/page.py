"""Pages of lists of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.domain.items import Item

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a list is requested.

    `after` and `before` are ids of items in the list: the page begins after the former, in the
    requested order, or ends just before the latter; given both, it lies between them.
    """

    order: Order
    limit: int
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, in the requested order."""

    items: tuple[Item, ...]
    has_more: bool

    @property
    def first_id(self) -> str | None:
        """The id of the first item, if there is one."""
        return self.items[0].id if self.items else None

    @property
    def last_id(self) -> str | None:
        """The id of the last item, if there is one."""
        return self.items[-1].id if self.items else None
