"""One answer under way: it is stored before its end is emitted, and whatever happens it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
from structlog.testing import capture_logs

from app.domain.items import Message, OutputText, Reasoning
from app.domain.response import Response, ResponseError, Usage
from app.domain.stream.accumulate import fold
from app.domain.stream.deltas import Batch, Finished, Opaque, Text, Thought, Used
from app.domain.stream.events import Event, ItemDone, Lifecycle
from app.errors import (
    CallerGone,
    GatewayError,
    Restarting,
    StorageUnavailable,
    UpstreamMisbehaved,
    UpstreamTimeout,
)
from app.schemas.wire.events import EVENT
from app.services.answering.run import Run
from app.stream_check.grammar import Grammar
from tests.domain.narrating import narrator

HELLO: list[Batch] = [[Text("hel")], [Text("lo")], [Used(Usage(1, 2)), Finished()]]


@dataclass
class Upstream:
    """Yields batches, then raises `error`; knows whether it was closed."""

    batches: list[Batch]
    error: Exception | None = None
    closed: bool = False

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self.batches
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@dataclass
class Witness:
    """Writes down, in order, what was stored, emitted and ended."""

    log: list[str] = field(default_factory=list)
    stored: Response | None = None
    failure: GatewayError | None = None
    fault: GatewayError | None = None
    abort_error: GatewayError | None = None

    def store(self, response: Response, _ending: list[Event]) -> None:
        self.log.append("stored")
        if self.fault is not None:
            raise self.fault
        self.stored = response

    def ended(self, response: Response, failure: GatewayError | None) -> None:
        self.log.append("ended")
        self.failure = failure


def run(
    upstream: Upstream,
    witness: Witness,
    *,
    shows_opaque: bool = True,
    served_tier: str | None = None,
) -> Run:
    return Run(
        narrator(),
        iter(upstream),
        store=witness.store,
        on_end=witness.ended,
        abort_error=lambda: witness.abort_error,
        seal=lambda payload: f"sealed:{payload}",
        shows_opaque=shows_opaque,
        served_tier=lambda: served_tier,
    )


def emitted(upstream: Upstream, witness: Witness, *, shows_opaque: bool = True) -> list[Event]:
    events = []
    for batch in run(upstream, witness, shows_opaque=shows_opaque).events():
        witness.log += [event.type for event in batch]
        events += batch
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    assert grammar.ended
    return events


def test_an_answer_is_stored_before_its_end_is_emitted() -> None:
    witness = Witness()
    emitted(Upstream(HELLO), witness)
    assert witness.log.index("stored") < witness.log.index("response.completed")


@pytest.mark.parametrize(("reported", "shown"), [(None, "default"), ("priority", "priority")])
@pytest.mark.parametrize("reason", ["stop", "length"])
def test_the_end_shows_the_tier_that_served_it(
    reason: Literal["stop", "length"], reported: str | None, shown: str
) -> None:
    batches: list[Batch] = [[Text("hel")], [Finished(reason, reported)]]
    witness = Witness()
    events = [*run(Upstream(batches), witness, served_tier="default").events()]
    ended = [event for batch in events for event in batch][-1]
    assert isinstance(ended, Lifecycle)
    assert ended.response.service_tier == shown
    assert witness.stored == ended.response


def test_what_is_stored_is_what_was_emitted() -> None:
    witness = Witness()
    events = emitted(Upstream(HELLO), witness)
    assert fold(events) == witness.stored


def test_every_batch_leaves_as_it_came() -> None:
    batches = [len(batch) for batch in run(Upstream(HELLO), Witness()).events()]
    assert batches == [5, 1, 4]  # created, in_progress, added, added, delta | delta | ending


def test_what_begins_an_answer_waits_for_no_more_than_its_first_batch() -> None:
    upstream = Upstream([[Used(Usage(1, 1))], *HELLO])
    first = next(run(upstream, Witness()).events())
    assert [event.type for event in first] == ["response.created", "response.in_progress"]


def test_what_begins_an_answer_comes_before_its_failure() -> None:
    events = emitted(Upstream([], UpstreamTimeout("too slow")), Witness())
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "error",
        "response.failed",
    ]


def test_a_bug_ends_the_answer_like_a_failure_and_says_nothing_of_itself() -> None:
    witness = Witness()
    with capture_logs() as log:
        events = emitted(Upstream(HELLO[:1], KeyError("what the model said")), witness)
    assert events[-1].type == "response.failed"
    assert witness.stored is not None
    assert (witness.stored.status, type(witness.failure)) == ("failed", GatewayError)
    assert [line["event"] for line in log] == ["unexpected_error"]
    assert "what the model said" not in repr((events, log))


def test_silence_is_passed_on() -> None:
    batches = list(run(Upstream([[], *HELLO]), Witness()).events())
    assert [len(batch) for batch in batches[:2]] == [2, 0]


def test_a_batch_that_says_nothing_to_the_caller_is_no_silence() -> None:
    batches = list(run(Upstream([[Used(Usage(1, 1))], *HELLO]), Witness()).events())
    assert [] not in batches


def test_an_upstream_that_fails_midway_ends_the_stream_as_failed() -> None:
    witness = Witness()
    events = emitted(Upstream([[Text("a")]], UpstreamTimeout("too slow")), witness)
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
    assert witness.stored is not None
    assert witness.stored.status == "failed"


def test_an_upstream_that_never_says_why_it_stopped_has_failed() -> None:
    witness = Witness()
    emitted(Upstream([[Text("a")]]), witness)
    assert witness.stored is not None
    assert witness.stored.status == "failed"
    assert witness.failure is not None


def test_a_caller_that_hangs_up_leaves_a_cancelled_response() -> None:
    witness, upstream = Witness(), Upstream(HELLO)
    events = run(upstream, witness).events()
    next(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator, as WSGI servers know
    assert witness.stored is not None
    assert witness.stored.status == "cancelled"
    assert witness.stored.output == (
        Message("msg_0", "assistant", (OutputText("hel"),), "incomplete"),
    )


def test_a_caller_that_hangs_up_frees_the_upstream() -> None:
    upstream = Upstream(HELLO)
    events = run(upstream, Witness()).events()
    next(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator, as WSGI servers know
    assert upstream.closed


def test_a_caller_that_goes_while_the_upstream_is_silent_gets_nothing_more() -> None:
    witness = Witness()
    events = list(run(Upstream([[Text("a")]], CallerGone("gone")), witness).events())
    assert len(events) == 1
    assert witness.stored is not None
    assert witness.stored.status == "cancelled"


def test_an_answer_that_is_cut_by_us_says_so_and_keeps_what_was_said() -> None:
    witness = Witness(abort_error=Restarting("the end"))
    events = emitted(Upstream([[Text("a")]], CallerGone("gone")), witness)
    assert [event.type for event in events[-3:]] == [
        "response.output_item.done",
        "error",
        "response.failed",
    ]
    assert witness.stored is not None
    assert witness.stored.status == "failed"
    assert witness.stored.output == (
        Message("msg_0", "assistant", (OutputText("a"),), "incomplete"),
    )


def test_who_does_not_take_the_end_that_we_made_has_a_failed_response() -> None:
    witness, upstream = Witness(), Upstream(HELLO)
    events = run(upstream, witness).events()
    next(events)
    witness.abort_error = Restarting("the end")
    events.close()  # type: ignore[attr-defined]  # it is a generator, as WSGI servers know
    assert witness.stored is not None
    assert (witness.stored.status, witness.stored.error) == (
        "failed",
        ResponseError("server_error", "the end"),
    )
    assert witness.log == ["stored", "ended"]


@pytest.mark.parametrize(
    "upstream",
    [
        Upstream(HELLO),
        Upstream([[Text("a")]]),
        Upstream([[Text("a")]], UpstreamTimeout("slow")),
        Upstream([], CallerGone("gone")),
    ],
    ids=["whole", "cut", "failed", "hung up"],
)
def test_every_answer_is_settled_once(upstream: Upstream) -> None:
    witness = Witness()
    for _ in run(upstream, witness).events():
        continue
    assert witness.log == ["stored", "ended"]


def test_an_answer_that_cannot_be_stored_is_not_emitted_as_complete() -> None:
    witness = Witness(fault=StorageUnavailable("away"))
    events = emitted(Upstream(HELLO), witness)
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]


def test_a_whole_answer_is_returned() -> None:
    response = run(Upstream(HELLO), Witness()).response()
    assert response.output == (Message("msg_0", "assistant", (OutputText("hello"),)),)


@pytest.mark.parametrize(
    ("upstream", "witness", "error"),
    [
        (Upstream([], UpstreamMisbehaved("nonsense")), Witness(), UpstreamMisbehaved),
        (Upstream([], CallerGone("gone")), Witness(), CallerGone),
        (Upstream(HELLO), Witness(fault=StorageUnavailable("away")), StorageUnavailable),
        (Upstream([[Text("a")]]), Witness(), GatewayError),
    ],
    ids=["upstream", "caller", "store", "no end"],
)
def test_a_whole_answer_that_fails_is_an_error_not_to_be_retried(
    upstream: Upstream, witness: Witness, error: type[GatewayError]
) -> None:
    with pytest.raises(error) as caught:
        run(upstream, witness).response()
    assert caught.value.work_done


THOUGHTFUL: list[Batch] = [[Thought("hm"), Opaque("x")], [Finished()]]


def test_opaque_reasoning_leaves_sealed() -> None:
    done = [e for e in emitted(Upstream(THOUGHTFUL), Witness()) if isinstance(e, ItemDone)]
    assert [event.item for event in done] == [
        Reasoning("rs_0", ("hm",), encrypted_content="sealed:x")
    ]


def test_opaque_reasoning_is_stored_although_it_was_not_asked_for() -> None:
    witness = Witness()
    events = emitted(Upstream(THOUGHTFUL), witness, shows_opaque=False)
    assert "sealed" not in repr(events)
    assert witness.stored is not None
    assert witness.stored.output == (Reasoning("rs_0", ("hm",), encrypted_content="sealed:x"),)


def test_an_answer_that_is_given_up_for_a_reason_fails_with_it() -> None:
    witness = Witness(abort_error=UpstreamTimeout("the time limit of 800 s is over"))
    emitted(Upstream([[Text("a")]], CallerGone("gone")), witness)
    assert witness.stored is not None
    assert witness.stored.error is not None
    assert "800 s" in witness.stored.error.message
