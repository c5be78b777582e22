"""Streams that are sent to their callers, as other processes see them while they run (C7)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import redis

from app.api.http.bodies import pacing
from app.domain.response import Response, Usage
from app.domain.stream.deltas import Opaque, Thought, Used
from app.domain.stream.events import Event, ItemDone, Lifecycle, TextDelta
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    GatewayError,
    InvalidRequest,
    NotFound,
    ResponseCancelled,
    StorageUnavailable,
    Unavailable,
)
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.responses import RESPONSE
from app.services.background import service as background
from app.services.background.finisher import stored_events
from app.services.live_streams.keeper import (
    RENEWALS,
    SEEN_AFTER_S,
    UNFOLLOWED_S,
    LiveStreams,
)
from app.services.live_streams.live_stream import LiveStream
from app.services.live_streams.terms import StreamTerms
from app.services.responses.replays import StreamReplays
from app.services.responses.service import Responses
from tests.services.jobs_bench import CALLER, Bench, Noted
from tests.services.scripted import HELLO, THE_END, ScriptedProvider


def text(response: Response) -> str:
    """Return what a response says."""
    items = RESPONSE.dump(response)["output"]
    return "".join(part["text"] for item in items for part in item.get("content", ()))


class Unthreaded(LiveStreams):
    """Writes when the test has it write."""

    def _start(self, name: str, target: Callable[[], None]) -> None:
        """Start nothing."""


class Recorder(Noted):
    """Notes how the answer ended."""

    response: Response | None = None
    failure: GatewayError | None = None

    def ended(self, response: Response, failure: GatewayError | None, cost: Any) -> None:
        self.response, self.failure = response, failure


class Process:
    """A web process: what it streams, and what others see of that."""

    def __init__(self, client: redis.Redis) -> None:
        self.bench = bench = Bench(client)
        self.live = Unthreaded(
            bench.away, bench.live_store, 30, bench.clock, bench.pause, bench.now
        )
        self.recorder = Recorder()
        self.id = ""
        self.responses = Responses(
            bench.responses,
            bench.lookup,
            bench.preparation,
            bench.background,
            bench.meter,
            bench.conversations,
            StreamReplays(bench.responses, bench.store.encode, bench.store.decode, pacing),
            self.live,
        )

    def stream(
        self, *steps: Any, outlasts: bool = False, first: Any = HELLO, **more: Any
    ) -> list[Event]:
        """Stream an answer, and do something in the middle of it; return its events."""
        self.bench.provider = ScriptedProvider("p", (first, *steps, THE_END))
        body = {"model": "m", "input": "hi", "stream": True} | more
        call, terms = UpstreamCall(float("inf")), StreamTerms(body, outlasts)
        self.responses._preparation = self.bench.preparation  # of the provider above
        request = CREATE_REQUEST.load(body)
        started = self.responses.start(CALLER, request, call, self.recorder, terms)
        self.id = started.response_id
        return [event for batch in started.run.events() for event in batch]

    def look(self) -> None:
        """Find out the id of what is being streamed."""
        self.id = next(iter(self.live._streams))

    def sweep(self) -> None:
        """Let the lease run out, and a worker end the stream."""
        bench = self.bench
        bench.client.zadd(f"{bench.prefix}{{jobs}}:streams", {self.id: 0})
        bench.supervisor.beat()

    def cancel(self) -> None:
        """Have another process cancel the stream, which this one does not hear of."""
        assert self.bench.background.cancel(CALLER, self.id)

    def charged(self) -> tuple[int, int, int]:
        """Return the requests, input and output tokens that are charged."""
        (line,) = self.bench.usage.read("acme", [self.bench.meter.book.today()])
        return line.requests, line.input_tokens, line.output_tokens

    def lasts(self) -> None:
        """Let so much time pass that everything is due, and have it written."""
        self.bench.clock.now += max(SEEN_AFTER_S, UNFOLLOWED_S)
        self.live.write()

    def seen(self) -> Response:
        """Return what others see of the response."""
        return self.bench.lookup.get("acme", self.id).response

    def written(self) -> list[Event]:
        """Return the events that others can read."""
        return list(stored_events(self.bench.store, self.id))

    def replayed(self) -> list[bytes]:
        lines = self.responses.replays.lines(CALLER, self.id, -1)
        return [line for batch in lines for line in batch]

    def lines(self, events: list[Event]) -> list[bytes]:
        return list(map(self.bench.store.encode, events))


@pytest.fixture
def process(own_redis_url: str) -> Iterator[Process]:
    with redis.Redis.from_url(own_redis_url) as client:
        yield Process(client)


class Asleep(Exception):
    """The writer would sleep now, unless it was woken."""


class Nap(threading.Event):
    """Tells whether it was woken before it began."""

    def wait(self, timeout: float | None = None) -> bool:
        """Raise Asleep."""
        raise Asleep(self.is_set())


def test_a_stream_that_begins_while_the_writer_lies_down_wakes_it(process: Process) -> None:
    live = process.live
    live._wake, looked = Nap(), live._sleep_s

    def begun_behind_the_look() -> float | None:
        sleep_s = looked()
        process.stream()
        return sleep_s

    live._sleep_s = begun_behind_the_look  # type: ignore[method-assign] # another thread's turn
    with pytest.raises(Asleep) as asleep:
        live._keep_writing()
    assert asleep.value.args == (True,)


def test_a_stream_that_ends_soon_is_never_written(process: Process) -> None:
    def look() -> None:
        process.live.write()
        with pytest.raises(NotFound):
            process.bench.lookup.get("acme", next(iter(process.live._streams)))

    process.stream(look)
    assert process.seen().status == "completed"
    assert not process.live._streams


def test_a_stream_that_lasts_is_seen_with_its_output_so_far(process: Process) -> None:
    shown = []

    def look() -> None:
        process.id = next(iter(process.live._streams))
        process.lasts()
        shown.append(process.seen())

    events = process.stream(look)
    assert [(each.status, text(each)) for each in shown] == [("in_progress", "Hello")]
    assert process.written() == []  # it has given way
    assert process.lines(events) == process.replayed()


def test_one_that_may_outlast_its_caller_is_seen_at_once(process: Process) -> None:
    shown = []

    def look() -> None:
        process.id = next(iter(process.live._streams))
        shown.append(process.seen())

    process.stream(look, outlasts=True)
    assert [each.status for each in shown] == ["in_progress"]


def test_one_that_is_followed_is_written_as_it_comes(process: Process) -> None:
    counts = []

    def look() -> None:
        process.id = next(iter(process.live._streams))
        process.live.write()
        counts.append(len(process.written()))
        process.live.hear("wanted", process.id)
        process.live.write()
        counts.append(len(process.written()))

    process.live._flush_at = float("inf")
    process.stream(look, outlasts=True)
    assert counts == [0, 5]


def test_its_end_is_stored_before_anybody_reads_it(process: Process) -> None:
    def end() -> None:
        process.lasts()
        stream = process.live._streams[process.id]
        stream.cuts.add([Lifecycle("response.completed", 5, process.seen())])
        process.lasts()
        assert len(process.written()) == 5

    def look() -> None:
        process.id = next(iter(process.live._streams))

    process.stream(look, end)


def test_opaque_reasoning_is_not_written_where_its_caller_does_not_see_it(process: Process) -> None:
    reasoned: list[Any] = []

    def look() -> None:
        process.id = next(iter(process.live._streams))
        process.lasts()
        reasoned.extend(each.item for each in process.written() if isinstance(each, ItemDone))

    process.stream((Thought("hm"),), (Opaque("secret"),), look)
    assert [getattr(item, "encrypted_content", "") for item in reasoned][-1] is None
    items = process.bench.responses.get("acme", process.id).response.output
    assert any(getattr(item, "encrypted_content", None) for item in items)


def test_while_redis_is_away_events_wait_and_the_stream_does_not(process: Process) -> None:
    written = []

    def away() -> None:
        process.id = next(iter(process.live._streams))
        process.lasts()
        process.bench.away.is_away = True

    def back() -> None:
        with pytest.raises(StorageUnavailable):
            process.lasts()
        process.bench.away.is_away = False
        process.lasts()
        written.extend(process.written())

    process.stream(away, HELLO, back)
    assert [event.sequence_number for event in written] == list(range(6))


def test_a_stream_whose_record_is_lost_goes_on_unseen(process: Process) -> None:
    def lose() -> None:
        process.id = next(iter(process.live._streams))
        process.lasts()
        process.bench.client.flushdb()

    def go_on() -> None:
        process.lasts()
        with pytest.raises(NotFound):
            process.seen()

    process.stream(lose, HELLO, go_on)
    assert text(process.seen()) == "HelloHello"


def test_a_lost_stream_ends_failed_with_what_was_written(process: Process) -> None:
    bench = process.bench

    def lose() -> None:
        process.id = next(iter(process.live._streams))
        process.lasts()
        bench.client.zadd(f"{bench.prefix}{{jobs}}:streams", {process.id: 0})
        bench.supervisor.beat()

    def go_on() -> None:
        process.live.hear("taken_over", process.id)

    events = process.stream(lose, go_on, HELLO, retention_days=3, safety_identifier="u1")
    assert sum(isinstance(each, TextDelta) for each in events) == 1  # it is not made any further
    kept = process.seen()
    assert kept.echo["retention_days"] == 3
    assert (kept.status, text(kept)) == ("failed", "Hello")
    assert kept.error is not None
    assert "process that streamed" in kept.error.message
    told = process.replayed()
    assert told[:4] == process.lines(events)[:4]
    assert b"response.failed" in told[-1]
    # Its caller is not told of another end.
    last = events[-1]
    assert isinstance(last, Lifecycle)
    assert last.response.status == "failed"
    assert bench.client.zcard(f"{bench.prefix}{{jobs}}:streams") == 0


@pytest.mark.parametrize("outlasts", [True, False])
def test_of_a_lost_stream_it_is_known_whether_it_could_be_cancelled(
    process: Process, *, outlasts: bool
) -> None:
    def lose() -> None:
        process.look()
        process.lasts()
        process.sweep()

    process.stream(lose, HELLO, outlasts=outlasts)
    cancelling = nullcontext() if outlasts else pytest.raises(InvalidRequest, match="cancelled")
    with cancelling:
        assert process.responses.cancel(CALLER, process.id).status == "failed"


def test_what_has_ended_has_no_lease(process: Process) -> None:
    leases = f"{process.bench.prefix}{{jobs}}:streams"
    counts = []

    def look() -> None:
        process.lasts()
        counts.append(process.bench.client.zcard(leases))

    process.stream(look)
    process.lasts()
    assert [*counts, process.bench.client.zcard(leases)] == [1, 0]


def test_of_what_has_ended_nothing_is_remembered(process: Process) -> None:
    remembered = process.bench.store._streams._recent._jobs
    counts: list[int] = []

    def look() -> None:
        process.lasts()
        process.lasts()
        counts.append(len(remembered))

    process.stream(look)
    process.lasts()
    assert (counts, len(remembered)) == ([1], 0)


def test_a_cancel_ends_it_with_all_of_its_text(process: Process) -> None:
    def cancel() -> None:
        process.id = next(iter(process.live._streams))
        process.live.hear("cancel", process.id)

    events = process.stream(HELLO, cancel, outlasts=True)
    last = events[-1]
    assert isinstance(last, Lifecycle)
    assert (last.type, last.response.status) == ("response.failed", "cancelled")
    assert text(process.seen()) == "HelloHello"
    assert process.lines(events) == process.replayed()
    assert process.responses.cancel(CALLER, process.id).status == "cancelled"


def test_a_cancel_before_its_first_word_begins_it_and_ends_it(process: Process) -> None:
    def cancel() -> None:
        process.bench.provider.calls[-1].abort(ResponseCancelled("The response was cancelled."))

    events = process.stream(HELLO, first=cancel)
    created, in_progress, last = events
    assert isinstance(last, Lifecycle)
    assert [created.type, in_progress.type] == ["response.created", "response.in_progress"]
    assert (last.type, last.response.status, last.response.error) == (
        "response.failed",
        "cancelled",
        None,
    )
    assert process.seen() == last.response
    assert process.lines(events) == process.replayed()


def test_leases_are_renewed_while_events_cannot_be_written(process: Process) -> None:
    leases, counts = f"{process.bench.prefix}{{jobs}}:streams", list[int]()

    def stay_away() -> None:
        process.bench.away.at = {"append"}  # one server of a Cluster
        process.bench.client.zadd(leases, {next(iter(process.live._streams)): 0})
        process.bench.clock.now += 30 / RENEWALS
        with pytest.raises(StorageUnavailable):
            process.live.write()
        counts.append(process.bench.client.zcount(leases, 1, "inf"))
        process.bench.away.at = set()

    process.stream(process.lasts, HELLO, stay_away)
    assert counts == [1]


def test_one_that_ends_as_somebody_wants_to_follow_it_is_not_kept(process: Process) -> None:
    streams: list[LiveStream] = []

    def look() -> None:
        streams.extend(process.live._streams.values())

    process.stream(look)
    (ended,) = streams
    process.live._streams[process.id] = ended  # as the listener finds it, just before its end
    process.live.hear("wanted", process.id)
    assert not process.live._followed


# What is charged of one that another process ends


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCELLED_WITHIN_S", 0.0)


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("take", [Process.sweep, Process.cancel])
@pytest.mark.parametrize("own_end", ["completed", "failed", "cancelled"])
def test_a_stream_that_another_process_ends_is_charged_once_and_whole(
    process: Process, take: Callable[[Process], None], own_end: str
) -> None:
    def take_over() -> None:
        process.lasts()
        take(process)
        assert process.charged() == (1, 10, 1)

    def end() -> None:
        if own_end == "failed":
            raise Unavailable("the upstream is gone")
        if own_end == "cancelled":
            process.bench.provider.calls[0].cancel()

    first, then = (Used(Usage(10, 1)),), (Used(Usage(10, 5)),)
    process.stream(process.look, first, take_over, then, end, outlasts=True)
    assert process.charged() == (1, 10, 5)


def test_what_is_not_stored_is_charged_by_whoever_ends_it(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise StorageUnavailable("away")

    def lose() -> None:
        process.lasts()
        monkeypatch.setattr(process.bench.responses, "save", away)
        monkeypatch.setattr(process.bench.live_store, "lease_token", away)

    process.stream(process.look, (Used(Usage(10, 1)),), lose)
    process.sweep()
    assert process.charged() == (1, 10, 1)


def test_what_could_not_be_seen_any_more_is_charged_by_its_own(process: Process) -> None:
    def lose() -> None:
        process.lasts()
        process.bench.client.flushdb()
        raise Unavailable("the upstream is gone")

    process.stream(process.look, (Used(Usage(10, 1)),), lose)
    assert process.charged() == (1, 10, 1)
