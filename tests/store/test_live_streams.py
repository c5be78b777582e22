"""Streams that web processes run, in a real Redis, Cluster or not: seen, leased, ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.jobs.base import Claim, Flush, NewStream
from app.store.jobs.live_streams import RedisLiveStreamStore
from tests.store.test_jobs import BEGUN, SPOKEN, Bench, ended, turn
from tests.store.turns import WRAPPING, next_id, payload_of

KEY = ContentKey("acme", bytes(32))
CUTS = b"\x93\x93\x94"


class Streams(Bench):
    """A bench with the store of streams."""

    live: RedisLiveStreamStore

    def begun(self, *, outlasts: bool = False, key: ContentKey | None = None) -> tuple[Turn, Claim]:
        """Have a stream be seen, and its first events be written."""
        queued = turn()
        running = replace(queued, response=replace(queued.response, status="in_progress"))
        claim = Claim(running.response.id, "acme", b"", "me", "me", key=key)
        new = NewStream(claim, replace(payload_of(running), key=key), outlasts)
        assert self.live.begin([new, new]) == [True, True]
        assert self.jobs.append([(claim, SPOKEN)]) == [True]
        return running, claim


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[Streams]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        bench = Streams(client)
        bench.live = RedisLiveStreamStore(client, bench.prefix, bench.responses, 30, WRAPPING)
        yield bench


def stored(running: Turn) -> Turn:
    return replace(ended(running), cuts=CUTS)


def test_a_stream_is_seen_until_its_response_takes_its_place(bench: Streams) -> None:
    running, claim = bench.begun()
    response_id = claim.response_id
    assert bench.jobs.status("acme", response_id) == "in_progress"
    assert bench.jobs.stream_kind("acme", response_id) == "stream"
    assert list(bench.jobs.read_events(response_id, 0).lines) == list(BEGUN.lines)
    assert bench.responses.save(stored(running))
    assert bench.jobs.status("acme", response_id) is None
    assert bench.jobs.stream_kind("acme", response_id) == "nothing"
    assert bench.jobs.read_events(response_id, 0).ended
    assert bench.responses.stream_cuts("acme", response_id) == CUTS
    assert bench.keys("{*}:events:") == bench.keys("{*}:job:") == []


def test_what_has_ended_is_not_seen_as_running_again(bench: Streams) -> None:
    running, claim = bench.begun()
    assert bench.responses.save(stored(running))
    assert bench.live.begin([NewStream(claim, payload_of(running), outlasts=False)]) == [False]
    assert bench.jobs.append([(claim, Flush(2, (b"{}",)))]) == [False]
    assert bench.live.lease_token(claim.response_id) is None


def test_a_stream_is_unknown_to_another_account(bench: Streams) -> None:
    _, claim = bench.begun(outlasts=True)
    assert bench.jobs.status("other", claim.response_id) is None
    assert bench.live.ask_cancel("other", claim.response_id, any_kind=True) is None
    with pytest.raises(NotFound):
        bench.jobs.stream_kind("other", claim.response_id)


def test_an_encrypted_stream_is_unknown_without_its_key(bench: Streams) -> None:
    _, claim = bench.begun(outlasts=True, key=KEY)
    response_id = claim.response_id
    assert bench.live.ask_cancel("acme", response_id, any_kind=True) is None
    with pytest.raises(NotFound):
        bench.jobs.stream_kind("acme", response_id)
    assert bench.live.ask_cancel("acme", response_id, KEY, any_kind=True) == "stream"
    assert bench.jobs.stream_kind("acme", response_id, KEY) == "stream"


def test_a_stream_does_not_begin_in_the_conversation_of_another_account(bench: Streams) -> None:
    _, others = bench.begun()
    running = turn("globex", next_id(others.response_id))
    claim = Claim(running.response.id, "globex", b"", "me", "me")
    assert bench.live.begin([NewStream(claim, payload_of(running), outlasts=False)]) == [False]
    assert bench.live.lease_token(claim.response_id) is None


def test_the_process_that_streams_is_asked_to_cancel(bench: Streams) -> None:
    _, claim = bench.begun(outlasts=True)
    news: Any = bench.live.news()
    assert next(news) == ("", "")
    bench.live.ask_cancel("acme", claim.response_id, any_kind=False)
    assert next(news) == ("cancel", claim.response_id)
    news.close()


def test_only_what_may_outlast_its_caller_is_cancelled(bench: Streams) -> None:
    _, attached = bench.begun()
    _, outlasting = bench.begun(outlasts=True)
    ask = bench.live.ask_cancel
    assert ask("acme", attached.response_id, any_kind=False) == "attached"
    assert ask("acme", attached.response_id, any_kind=True) == "stream"
    assert ask("acme", outlasting.response_id, any_kind=False) == "stream"


def test_a_stream_that_was_lost_is_not_run_again_but_ended(bench: Streams) -> None:
    lapsing = RedisLiveStreamStore(bench.client, bench.prefix, bench.responses, -1, WRAPPING)
    _, claim = bench.begun()
    assert claim.response_id not in bench.jobs.lost()
    lapsing.lease([claim.response_id])
    assert claim.response_id in bench.jobs.lost()
    assert claim.response_id not in bench.jobs.lost()  # whoever found it has the time to end it
    lost = bench.jobs.settle_lost(claim.response_id)
    assert isinstance(lost, Claim)
    assert (lost.kind, lost.why, lost.usage) == ("stream", "lost", SPOKEN.usage)
    assert bench.live.lease_token(claim.response_id) != claim.lease_token
    failed = stored(lost.payload.turn(lost.payload.response))
    assert bench.jobs.finish(lost, failed, Flush(2, ()))
    assert bench.jobs.finish(lost, failed, Flush(2, ()))  # where that reply was lost
    assert not bench.jobs.finish(replace(lost, holder="another"), failed, Flush(2, ()))
    assert bench.live.lease_token(claim.response_id) == lost.lease_token
    assert bench.keys("{*}:events:") == bench.keys("{*}:job:") == bench.keys("{jobs}") == []


def test_a_stream_that_was_lost_before_it_spoke_is_not_run_again_either(bench: Streams) -> None:
    running = turn()
    claim = Claim(running.response.id, "acme", b"", "me", "me")
    assert bench.live.begin([NewStream(claim, payload_of(running), outlasts=False)]) == [True]
    assert isinstance(bench.jobs.settle_lost(claim.response_id), Claim)
    assert bench.jobs.take() is None


def test_its_own_end_comes_before_that_of_who_has_taken_it_over(bench: Streams) -> None:
    running, claim = bench.begun(outlasts=True)
    taken = bench.jobs.take_over("acme", claim.response_id, "cancelled")
    assert taken is not None
    assert bench.responses.save(stored(running))
    assert not bench.jobs.finish(taken, stored(running), Flush(2, ()))


@pytest.mark.parametrize("events", [1, 100, 100_000])
def test_cuts_of_any_length_come_back_as_they_were(bench: Streams, events: int) -> None:
    cuts = b"\x93" + b"\x05" * events
    saved = replace(ended(turn()), cuts=cuts)
    assert bench.responses.save(saved)
    assert bench.responses.stream_cuts("acme", saved.response.id) == cuts
