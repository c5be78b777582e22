"""A summary under way: what it yields, how it ends, and what comes behind it (G6, G7, G8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.items import Compaction, InputText, Item, Message, OutputText
from app.domain.request import CreateRequest
from app.domain.response import Response, Usage
from app.domain.stream.deltas import Batch, Compacted, Finished, Text, Thought, Used
from app.domain.turns.compaction import Summary
from app.domain.turns.turn import Thread
from app.errors import UpstreamMisbehaved, UpstreamUnavailable
from app.services.answering.compactor import Compactor
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.sealing import PayloadSealer
from app.services.upstreams.catalog import Target
from app.services.upstreams.router import EndedCall, UpstreamAnswer
from tests.services.scripted import Clock, ScriptedProvider

SEALER = PayloadSealer(lambda: b"secret")
RULE = Message("msg_0", "developer", (InputText("Be brief."),))
CITY = Message("msg_1", "user", (InputText("Oslo. " * 1000),))
NOTED = Message("msg_2", "assistant", (OutputText("Noted."),))
NEXT = Message("msg_3", "user", (InputText("What now?"),))
SUMMING: list[Batch] = [
    [Thought("Hm."), Text("The city ")],
    [Text("is Oslo.")],
    [Used(Usage(10, 5)), Finished(service_tier="flex")],
]
ANSWERING: list[Batch] = [[Text("Go.")], [Used(Usage(3, 1)), Finished()]]


class Upstream:
    """An answer that has begun, a batch in ten seconds; `closed` says that it was left."""

    def __init__(
        self, batches: Sequence[Batch], name: str = "p", clock: Clock | None = None
    ) -> None:
        self.closed = False
        self._clock = clock or Clock()
        target = Target(name, ScriptedProvider(name), name)
        self.opened = UpstreamAnswer(target, name, (), 1, 0.1, self._play(batches))
        next(self.opened.batches)

    def _play(self, batches: Sequence[Batch]) -> Iterator[Batch]:
        try:
            yield ()
            for batch in batches:
                self._clock.now += 10
                yield batch
        finally:
            self.closed = True


def prepared(*items: Item, threshold: int | None = 1000) -> PreparedRequest:
    request = CreateRequest(model="m", input=(), compact_threshold=threshold, compaction="trigger")
    response = Response("resp_1", "m", 1, {})
    caller = Caller(account="acme", key_id="key_1")
    return PreparedRequest(caller, request, (), Thread("resp_1", items, ()), response)


def opened_summary(batch: Batch) -> Summary | None:
    (compacted,) = batch
    assert isinstance(compacted, Compacted)
    return SEALER.open_summary("acme", compacted.encrypted_content)


def test_a_summary_alone_is_one_compaction_in_the_tier_that_served_it() -> None:
    upstream = Upstream(SUMMING)
    answer = Compactor(SEALER).alone(prepared(CITY), upstream.opened, 15)
    _silence, counted, compacted, finished = answer.batches
    assert counted == [Used(Usage(10, 5))]
    assert opened_summary(compacted) == Summary("The city is Oslo.", (), keeps_messages=True)
    assert finished == [Finished(service_tier="flex")]
    assert upstream.closed


def test_what_begins_an_answer_does_not_wait_for_the_summary() -> None:
    clock = Clock()
    request = prepared(RULE, CITY, NOTED, NEXT)
    for answer in (
        Compactor(SEALER, clock).alone(request, Upstream(SUMMING, clock=clock).opened, 15),
        Compactor(SEALER, clock).before(
            request, Upstream(SUMMING, clock=clock).opened, 15, never, tuple
        ),
    ):
        begun = clock.now
        assert (next(answer.batches), clock.now) == ((), begun)


def test_a_long_one_gives_signs_of_life() -> None:
    clock = Clock()
    upstream = Upstream([[Text("word ")]] * 9 + [[Finished()]], clock=clock)
    batches = [*Compactor(SEALER, clock).alone(prepared(CITY), upstream.opened, 15).batches]
    assert [len(batch) for batch in batches] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_what_is_left_before_its_end_frees_its_upstream() -> None:
    for taken in (0, 1):
        upstream = Upstream(SUMMING)
        answer = Compactor(SEALER).alone(prepared(CITY), upstream.opened, 15)
        for _ in range(taken):
            next(answer.batches)
        answer.batches.close()  # type: ignore[attr-defined] # as Run does
        assert upstream.closed


def test_an_answer_goes_on_from_the_summary_and_what_it_is_to_answer() -> None:
    summing, answering = Upstream(SUMMING), Upstream(ANSWERING, "other")
    answering.opened.ignored = ("service_tier",)
    seen: list[tuple[Item, ...]] = []

    def answer(items: tuple[Item, ...]) -> UpstreamAnswer:
        seen.append(items)
        return answering.opened

    request = prepared(RULE, CITY, NOTED, NEXT)
    joined = Compactor(SEALER).before(request, summing.opened, 15, answer, tuple)
    _silence, counted, compacted, said, ending = joined.batches
    assert counted == [Used(Usage(10, 5))]
    assert opened_summary(compacted) == Summary("The city is Oslo.")
    assert (said, ending) == ([Text("Go.")], [Used(Usage(13, 6)), Finished()])
    assert [type(item) for item in seen[0]] == [Message, Compaction, Message]
    assert (seen[0][0], seen[0][2]) == (RULE, NEXT)
    # What is opaque in the answer, and its price, are those of the one that gave it.
    assert (joined.provider, joined.target.upstream_model) == ("other", "other")
    assert joined.before == (EndedCall(summing.opened.target, Usage(10, 5), "flex"),)
    assert joined.ignored == ("service_tier",)
    assert summing.closed
    assert answering.closed


def test_an_answer_that_cannot_be_had_fails_behind_its_compaction() -> None:
    def answer(_items: tuple[Item, ...]) -> UpstreamAnswer:
        raise UpstreamUnavailable("gone")

    summing = Upstream(SUMMING).opened
    lost = EndedCall(summing.target, Usage(3, 1), "default")
    request = prepared(CITY, NEXT)
    joined = Compactor(SEALER).before(request, summing, 15, answer, lambda: (lost,))
    _silence, _counted, compacted, total = islice(joined.batches, 4)
    assert opened_summary(compacted) is not None
    assert total == [Used(Usage(13, 6))]
    with pytest.raises(UpstreamUnavailable):
        next(joined.batches)
    assert joined.has_failed
    assert joined.before[1:] == (lost,)


def never(_items: tuple[Item, ...]) -> UpstreamAnswer:
    raise AssertionError("there is nothing to go on from")


@pytest.mark.parametrize(
    "batches",
    [[[Finished()]], [[Text(" \n"), Finished()]], [[Text("The c"), Finished("length")]]],
    ids=["empty", "blank", "cut"],
)
def test_no_answer_goes_on_from_a_summary_that_is_none(batches: list[Batch]) -> None:
    upstream = Upstream(batches)
    joined = Compactor(SEALER).before(prepared(CITY, NEXT), upstream.opened, 15, never, tuple)
    with pytest.raises(UpstreamMisbehaved):
        list(joined.batches)
    assert upstream.closed


@pytest.mark.parametrize(
    ("items", "threshold", "is_due"),
    [
        ((CITY, NOTED, NEXT), 1000, True),
        ((CITY, NOTED, NEXT), 2000, False),
        ((CITY, NOTED, NEXT), None, False),
        ((CITY,), 1000, False),  # nothing stands before what is to be answered
        ((RULE, Compaction("cmp_1", "x" * 9000), NEXT), 1000, False),
        ((RULE, Compaction("cmp_1", "x" * 9000), NOTED, NEXT), 1000, True),
    ],
)
def test_it_is_due_where_the_input_is_too_long_and_can_be_shorter(
    items: tuple[Item, ...], threshold: int | None, is_due: bool
) -> None:
    assert Compactor(SEALER).is_due(prepared(*items, threshold=threshold)) is is_due
