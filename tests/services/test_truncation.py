"""A conversation that is too long loses its oldest turns until the upstream takes it (S8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.items import Compaction, InputText, Item, Message
from app.domain.request import CreateRequest
from app.domain.turns.compaction import Summary
from app.domain.turns.turn import Thread
from app.domain.upstream_call import UpstreamCall
from app.errors import ContextLengthExceeded
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.reducible_input import MAX_TRUNCATIONS
from app.services.answering.sealing import PayloadSealer
from app.services.upstreams.catalog import Target
from app.services.upstreams.router import UpstreamAnswer
from tests.ids import IDS
from tests.services.scripted import ScriptedProvider

SEALER = PayloadSealer(lambda: b"secret")
TURNS = tuple(Message(f"msg_{n:02}", "user", (InputText("word " * 100),)) for n in range(40))


class TightUpstream:
    """Takes `limit` turns; says by how many tokens more are too many."""

    def __init__(self, limit: int, excess: Callable[[int], int | None]) -> None:
        self._limit = limit
        self._excess = excess
        self.tries: list[int] = []
        self.items: Sequence[Item] = ()

    def open(self, targets: Any, request_for: Any, _call: Any) -> UpstreamAnswer:
        items: Sequence[Item] = request_for(targets[0]).items
        self.tries.append(len(items))
        self.items = items
        if len(items) > self._limit:
            raise ContextLengthExceeded(
                "too long", excess_tokens=self._excess(len(items) - self._limit)
            )
        return cast(UpstreamAnswer, "opened")


def open_(
    upstream: TightUpstream, truncation: str = "auto", items: tuple[Item, ...] = TURNS
) -> object:
    parts: Any = [None, None, upstream, SEALER, IDS, lambda: 1, None, None]
    preparation = Preparation(*parts)
    target = Target("m", ScriptedProvider("p"), "m")
    request = replace(CreateRequest(model="m", input=()), truncation=cast(Any, truncation))
    prepared = _Value(
        caller=Caller(account="acme", key_id="key_1"),
        request=request,
        targets=(target,),
        parameters=request.parameters,
        thread=Thread("resp_1", items, (), has_compactions=items is not TURNS),
    )
    return preparation.open(cast(Any, prepared), UpstreamCall(deadline=0))


class _Value:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def test_what_is_said_to_be_too_much_is_dropped_and_no_more() -> None:
    size = len(repr(TURNS[0])) // 4  # a turn in tokens, as it is reckoned
    upstream = TightUpstream(limit=37, excess=lambda turns: turns * size)
    open_(upstream)
    assert upstream.tries == [40, 37]


def test_half_is_dropped_where_nothing_is_said() -> None:
    upstream = TightUpstream(limit=12, excess=lambda _: None)
    open_(upstream)
    assert upstream.tries == [40, 20, 10]


def test_an_excess_that_does_not_shrink_is_no_measure() -> None:
    upstream = TightUpstream(limit=12, excess=lambda _: 1)
    open_(upstream)
    assert upstream.tries == [40, 39, 19, 9]


def test_it_is_tried_so_often_and_no_oftener() -> None:
    upstream = TightUpstream(limit=0, excess=lambda _: None)
    with pytest.raises(ContextLengthExceeded):
        open_(upstream)
    assert len(upstream.tries) == MAX_TRUNCATIONS + 1


def test_nothing_is_dropped_unasked() -> None:
    upstream = TightUpstream(limit=12, excess=lambda _: None)
    with pytest.raises(ContextLengthExceeded):
        open_(upstream, "disabled")
    assert upstream.tries == [40]


def test_what_stands_for_earlier_turns_is_not_dropped() -> None:
    summary = SEALER.seal_summary("acme", Summary("The city is Oslo."))
    items: tuple[Item, ...] = (*TURNS[:20], Compaction("cmp_1", summary), *TURNS[20:])
    upstream = TightUpstream(limit=12, excess=lambda _: None)
    open_(upstream, items=items)
    first = upstream.items[0]
    assert isinstance(first, Message)
    assert "The city is Oslo." in cast(InputText, first.content[0]).text
    assert tuple(upstream.items[1:]) == TURNS[-(len(upstream.items) - 1) :]
