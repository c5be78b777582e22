"""What a worker writes of a job: in time, once, and through outages of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.domain.prices import Cost
from app.domain.response import Usage
from app.domain.stream.deltas import Finished, Text
from app.domain.stream.events import Event
from app.domain.turns.turn import Turn
from app.errors import CallerGone, StorageUnavailable, Unconfirmed
from app.schemas.wire.event_lines import encode
from app.services.background.event_writer import FLUSH_EVENTS, FLUSH_S, PAUSE_S, EventWriter
from app.store.jobs.base import Claim, Flush
from tests.domain.narrating import narrator
from tests.services.clocks import Clock

CLAIM = Claim("resp_1", "acme", b"", "me", "me")


class Jobs:
    """Remembers what was written; `ours` is what it says of it, `outages` how often it is away."""

    def __init__(self) -> None:
        self.flushes: list[Flush] = []
        self.ending: Flush | None = None
        self.forgotten: list[str] = []
        self.noted: list[bool] = []
        self.ours = True
        self.outages = 0
        self.lags = 0  # how often the replicas lag behind an end

    def encode(self, event: Event) -> bytes:
        return encode(event)

    def append(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        self._answer()
        self.flushes += [flush for _, flush in flushes]
        return [self.ours] * len(flushes)

    def finish(self, _claim: Claim, _turn: Turn, ending: Flush) -> bool:
        self._answer()
        self.ending = ending
        if self.lags:
            self.lags -= 1
            raise Unconfirmed("written")
        return self.ours

    def note_called(self, _claim: Claim, *, called: bool) -> bool:
        self._answer()
        self.noted.append(called)
        return self.ours

    def forget(self, response_ids: Sequence[str]) -> None:
        self.forgotten += response_ids

    def _answer(self) -> None:
        if self.outages:
            self.outages -= 1
            raise StorageUnavailable("away")


class Bench:
    def __init__(self, stored_events: int = 0) -> None:
        self.jobs = Jobs()
        self.clock = Clock()
        self.gone = 0
        self.narrator = narrator("queued")
        jobs: Any = self.jobs
        claim = replace(CLAIM, event_count=stored_events)
        self.writer = EventWriter(jobs, claim, self.lose, self.clock, self.pause)

    def lose(self) -> None:
        self.gone += 1

    def pause(self, seconds: float) -> None:
        self.clock.now += seconds

    def begin(self) -> list[Event]:
        events = self.narrator.begin()
        self.writer.append(events)
        return events

    def say(self, *words: str) -> list[Event]:
        events = self.narrator.hear([Text(word) for word in words])
        self.writer.append(events)
        return events

    def finish(self) -> Flush | None:
        self.narrator.hear([Finished()])
        ending = self.narrator.finish()
        self.writer.finish(Turn("acme", self.narrator.response, (), frozenset()), ending)
        return self.jobs.ending

    def write(self, outcome: bool | None) -> Flush:
        """Write what waits, with this outcome; return it."""
        flush = self.writer.begin_flush(0.0)
        assert flush is not None
        self.writer.end_flush(outcome)
        return flush


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_events_wait_for_others_but_not_for_long(bench: Bench) -> None:
    bench.begin()
    bench.clock.now += FLUSH_S / 2
    early = bench.writer.begin_flush()
    bench.clock.now += FLUSH_S / 2
    flush = bench.writer.begin_flush()
    assert early is None
    assert flush is not None
    assert (flush.first, len(flush.lines)) == (0, 3)


def test_many_events_wait_for_nothing(bench: Bench) -> None:
    bench.begin()
    bench.say(*["word"] * FLUSH_EVENTS)
    (flush,) = bench.jobs.flushes
    assert len(flush.lines) > FLUSH_EVENTS


def test_what_follows_a_flush_has_the_next_number(bench: Bench) -> None:
    bench.begin()
    bench.write(True)
    bench.say("one")
    assert bench.write(True).first == 3


def test_what_an_earlier_run_has_written_is_left_out() -> None:
    bench = Bench(stored_events=2)
    bench.begin()
    flush = bench.write(True)
    assert (flush.first, len(flush.lines)) == (2, 1)


@pytest.mark.parametrize("begun", [True, False])
def test_silence_and_endings_are_not_written(bench: Bench, begun: bool) -> None:
    bench.writer.append(bench.narrator.cancel() if begun else [])
    assert bench.writer.begin_flush(0.0) is None


def test_a_job_has_spoken_with_its_first_item(bench: Bench) -> None:
    bench.begin()
    before = bench.write(True)
    bench.say("one")
    assert [before.has_output, bench.write(True).has_output] == [False, True]


def test_what_the_upstream_counts_is_written_by_itself(bench: Bench) -> None:
    bench.writer.usage = lambda: Usage(7, 0)
    bench.writer.cost = lambda usage: Cost(usage.input_tokens)
    assert bench.writer.begin_flush() is None
    bench.clock.now += FLUSH_S
    flush = bench.writer.begin_flush()
    assert flush is not None
    bench.writer.end_flush(True)
    bench.clock.now += FLUSH_S
    assert (flush.lines, flush.usage, flush.cost) == ((), Usage(7, 0), Cost(7))
    assert bench.writer.begin_flush() is None


def test_nothing_takes_off_while_something_is_in_the_air(bench: Bench) -> None:
    bench.begin()
    bench.writer.begin_flush(0.0)
    assert bench.writer.begin_flush(0.0) is None
    bench.writer.flush()
    assert bench.jobs.flushes == []


def test_what_waits_is_written_with_the_end(bench: Bench) -> None:
    events = [*bench.begin(), *bench.say("one")]
    ending = bench.finish()
    assert ending is not None
    assert len(ending.lines) == len(events) + 4
    assert bench.writer.ended


def test_after_the_end_nothing_is_written(bench: Bench) -> None:
    bench.finish()
    bench.writer.append(narrator().begin())
    assert bench.writer.begin_flush(0.0) is None


def test_what_is_cancelled_is_ended_by_who_cancelled_it(bench: Bench) -> None:
    bench.narrator.cancel()
    bench.writer.finish(Turn("acme", bench.narrator.response, (), frozenset()), [])
    assert (bench.jobs.ending, bench.writer.ended) == (None, False)


def test_a_job_that_is_anothers_is_given_up(bench: Bench) -> None:
    bench.begin()
    bench.write(False)
    bench.say("one")
    assert (bench.gone, bench.writer.begin_flush(0.0)) == (1, None)


def test_a_job_that_is_anothers_is_not_ended(bench: Bench) -> None:
    bench.jobs.ours = False
    bench.begin()
    assert bench.finish() is not None
    assert not bench.writer.ended


def test_a_job_that_turns_out_to_be_anothers_is_not_ended(bench: Bench) -> None:
    bench.begin()
    bench.write(None)
    bench.jobs.ours = False
    assert bench.finish() is None
    assert (bench.writer.ended, bench.gone) == (False, 1)


def test_what_was_closed_tells_nothing(bench: Bench) -> None:
    bench.begin()
    bench.writer.close()
    assert bench.writer.begin_flush(0.0) is None


# The store is away


def test_what_could_not_be_written_is_written_again_as_it_was(bench: Bench) -> None:
    bench.begin()
    lost = bench.write(None)
    bench.say("one")
    assert bench.write(True) is lost
    assert bench.write(True).first == 3


def test_a_full_flush_waits_for_the_store(bench: Bench) -> None:
    bench.jobs.outages = 1
    bench.say(*["word"] * FLUSH_EVENTS)
    assert bench.jobs.flushes == []
    bench.writer.flush()
    assert len(bench.jobs.flushes) == 1


def test_an_answer_is_not_given_up_however_long_the_store_stays_away(bench: Bench) -> None:
    bench.begin()
    lost = bench.write(None)
    bench.clock.now += 86_400
    assert bench.write(True) is lost
    assert bench.gone == 0


def test_the_end_waits_for_the_store(bench: Bench) -> None:
    bench.begin()
    lost = bench.write(None)
    bench.jobs.outages = 3
    ending = bench.finish()
    assert ending is not None
    assert (bench.jobs.flushes, ending.first) == ([lost], 3)
    assert bench.clock.now == Clock().now + 3 * PAUSE_S


def test_the_end_waits_however_long(bench: Bench) -> None:
    bench.begin()
    bench.jobs.outages = 10_000
    bench.finish()
    assert bench.writer.ended


@pytest.mark.parametrize("lags", [3, 10_000])
def test_an_end_is_confirmed_or_stands_where_it_is(bench: Bench, lags: int) -> None:
    bench.jobs.lags = lags
    bench.begin()
    assert bench.finish() is not None
    assert bench.writer.ended
    # What was written is remembered until no server can lose it any more, and no longer.
    assert bool(bench.jobs.forgotten) == (lags == 10_000)


def test_an_end_that_repeats_a_long_text_is_written_in_parts(bench: Bench) -> None:
    bench.begin()
    bench.write(True)
    bench.say("word " * 300_000)
    before = len(bench.jobs.flushes)
    ending = bench.finish()
    assert ending is not None
    parts = bench.jobs.flushes[before:]
    assert [len(flush.lines) for flush in parts] == [4, 1, 1]
    assert ending.first == parts[-1].first + 1
    assert len(ending.lines) == 1


def test_an_upstream_is_called_once_that_is_recorded(bench: Bench) -> None:
    bench.jobs.outages = 1
    bench.writer.note_called(called=False)  # then its estimate stays reserved
    assert bench.jobs.noted == []
    bench.writer.note_called(called=False)
    assert bench.jobs.noted.pop() is False
    bench.jobs.outages, since = 2, bench.clock.now
    bench.writer.note_called(called=True)
    assert (bench.jobs.noted, bench.clock.now) == ([True], since + 2 * PAUSE_S)
    bench.jobs.ours = False
    with pytest.raises(CallerGone):
        bench.writer.note_called(called=True)
