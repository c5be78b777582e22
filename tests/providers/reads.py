"""What readers add to the list that they are given, as a list."""

from __future__ import annotations

from typing import Protocol, TypeVar

from app.domain.stream.deltas import Delta

Body = TypeVar("Body", contravariant=True)


class WholeReader(Protocol[Body]):
    """A reader of bodies, or an interpreter of their JSON."""

    def whole(self, body: Body, deltas: list[Delta], /) -> None: ...


class EndingReader(Protocol):
    """A reader of a stream."""

    def end(self, deltas: list[Delta], /) -> None: ...


def whole_of(reader: WholeReader[Body], body: Body) -> list[Delta]:
    """Return what a whole answer says."""
    deltas: list[Delta] = []
    reader.whole(body, deltas)
    return deltas


def end_of(reader: EndingReader) -> list[Delta]:
    """Return what is left to say now that the stream has ended."""
    deltas: list[Delta] = []
    reader.end(deltas)
    return deltas
