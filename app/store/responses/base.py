"""What every store of responses must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.domain.items import Item
from app.domain.response import Response
from app.errors import NotFound, Unconfirmed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn stands: entry `depth` of the log `log`."""

    log: str
    depth: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A response with what it needs to be continued.

    `input` holds this turn's own input, ids minted, references resolved. `parent` is the place
    of the turn that it continues. `response.output` keeps opaque reasoning and logprobs whatever
    `include` shows of them.
    """

    account: str
    response: Response
    input: tuple[Item, ...]
    include: frozenset[str]
    parent: Place | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a turn and those before it leave to the next: each turn's input, then its
    output, oldest first. `last` is the turn itself, with the tools it was asked with in its echo.
    `inputs` says for each turn, a purged one too, which of the items its input is; `purged` are the
    numbers of those turns, from 0 on, of which a purge left nothing.
    """

    items: tuple[Item, ...]
    last: Response
    place: Place
    inputs: tuple[range, ...]
    purged: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, in the order asked for."""

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


class Forgotten(Unconfirmed):
    """What was kept is not there any more: its server was lost before a replica had it."""


def unknown_response(response_id: str) -> NotFound:
    """Return the one error for an id that is unknown, deleted, foreign or was never stored (E9)."""
    return NotFound(f"Response with id '{response_id}' not found.", code="response_not_found")


class ResponseStore(Protocol):
    """Keeps responses by id, for one account each; a foreign id is an unknown id.

    Every method raises StorageUnavailable when the store is away, within its time-out, and
    NotFound (code response_not_found) for an id that is unknown, deleted or another account's.
    """

    def save(self, turn: Turn) -> bool:
        """Keep a terminal response, at once visible to every process.

        Saving it again changes nothing. Returns whether this ending stands: an ending never
        replaces another that came first. Raises NotFound where the parent's whole conversation
        was erased in the meantime; a parent that was merely deleted can still be continued.
        """
        ...

    def get(self, account: str, response_id: str) -> Turn:
        """Return a stored turn."""
        ...

    def delete(self, account: str, response_id: str) -> None:
        """Hide a response; turns that continue it keep their whole context."""
        ...

    def context(self, account: str, response_id: str) -> Context:
        """Return what a turn that continues `response_id` starts from."""
        ...

    def input_items(
        self,
        account: str,
        response_id: str,
        *,
        order: Literal["asc", "desc"],
        limit: int,
        after: str | None,
        before: str | None,
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input.

        `after` and `before` are ids of items in the list: the page begins behind the one, in the
        order asked for, or ends just in front of the other; given both, it lies between them.
        Raises InvalidRequest (param after or before) where the list has no such item.
        """
        ...

    def items(self, account: str, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that the account has stored, by id (S5).

        Items of deleted responses are not among them.
        """
        ...

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored; deleting changes nothing, purging does."""
        ...

    def ping(self) -> None:
        """Return when the store answers."""
        ...


class Confirming(Protocol):
    """A store whose saving has two steps."""

    def keep(self, turn: Turn) -> bool:
        """Save a response without waiting for replicas."""
        ...

    def confirm(self, response_id: str, wait_s: float) -> None:
        """Return when enough replicas have what was kept, or else raise Unconfirmed."""
        ...
