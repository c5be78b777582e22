"""Background responses as their callers see them, at every moment of their life."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from app.api.http.bodies import pacing
from app.domain.response import Usage
from app.domain.stream.deltas import Opaque
from app.errors import (
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    StorageUnavailable,
    Unconfirmed,
)
from app.schemas.request.create import CREATE_REQUEST
from app.services.background.service import Background
from app.services.responses.replays import StreamReplays
from app.services.responses.service import Responses
from app.settings import BackgroundSettings
from tests.processes import PATIENCE_S, until
from tests.services.jobs_bench import CALLER, Bench, Noted
from tests.services.scripted import HELLO, THE_END, ScriptedProvider

STRANGER = replace(CALLER, account="globex")
BODY = {"model": "m", "input": "hi", "background": True}
#: A lease token that no worker has.
NOBODY = "nobody"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def bench(client: redis.Redis) -> Bench:
    return Bench(client)


@pytest.fixture
def background(bench: Bench) -> Background:
    return bench.background


@pytest.fixture
def responses(bench: Bench) -> Responses:
    return Responses(
        bench.responses,
        bench.lookup,
        bench.preparation,
        bench.background,
        bench.meter,
        bench.conversations,
        StreamReplays(bench.responses, bench.store.encode, bench.store.decode, pacing),
        bench.live_streams,
    )


def enqueued(background: Background, **more: Any) -> tuple[Any, tuple[str, ...]]:
    body = BODY | more
    request = CREATE_REQUEST.load(body)
    return background.enqueue(CALLER, request, body, Noted())


def places_taken(bench: Bench) -> int:
    """Return how many places in flight are taken."""
    admitted = 0
    for _ in range(5):
        try:
            bench.meter.limiter.reserve(CALLER, lambda: pytest.fail("no tokens are limited"))
        except RateLimited:
            break
        admitted += 1
    return 5 - admitted


# Queueing


def test_it_is_queued_and_a_worker_told(bench: Bench, background: Background) -> None:
    response, _ = enqueued(background)
    assert (response.status, response.usage, bench.box.sent) == ("queued", None, [1])


def test_its_caller_learns_how_much_is_left(background: Background) -> None:
    noted = Noted()
    background.enqueue(CALLER, CREATE_REQUEST.load(BODY), BODY, noted)
    assert noted.standing is not None


def test_parameters_that_will_not_be_honoured_are_named(background: Background) -> None:
    _, ignored = enqueued(background, seed=1, whatever=2)
    assert set(ignored) == {"seed", "whatever"}


def test_it_keeps_its_place_in_flight_while_it_waits(bench: Bench, background: Background) -> None:
    enqueued(background)
    bench.clock.now += 600
    assert places_taken(bench) == 1


def test_a_full_queue_takes_nothing_more(client: redis.Redis) -> None:
    bench = Bench(client, BackgroundSettings(max_queued_per_account=1))
    enqueued(bench.background)
    with pytest.raises(RateLimited) as caught:
        enqueued(bench.background)
    assert (caught.value.code, caught.value.retry_after_s) == ("background_queue_full", 5)
    assert places_taken(bench) == 1


def test_what_cannot_be_queued_takes_no_place(bench: Bench, background: Background) -> None:
    bench.away.at = {"enqueue"}
    with pytest.raises(StorageUnavailable):
        enqueued(background)
    assert places_taken(bench) == 0


def test_where_it_is_disabled_it_is_refused(client: redis.Redis) -> None:
    bench = Bench(client, BackgroundSettings(enabled=False))
    with pytest.raises(InvalidRequest) as caught:
        enqueued(bench.background)
    assert caught.value.param == "background"


def test_a_key_may_be_kept_from_it(background: Background) -> None:
    request = CREATE_REQUEST.load(BODY)
    with pytest.raises(PermissionDenied):
        background.enqueue(replace(CALLER, background=False), request, BODY, Noted())


# Looking


@pytest.mark.parametrize(
    ("include", "shown"), [([], False), (["reasoning.encrypted_content"], True)]
)
def test_opaque_reasoning_is_shown_to_who_asked_for_it(
    bench: Bench, responses: Responses, include: list[str], shown: bool
) -> None:
    seen: list[Any] = []

    def look() -> None:
        bench.clock.now += 1
        bench.active_jobs.flush()
        seen.append(responses.get(CALLER, response_id, frozenset()))

    bench.provider = ScriptedProvider("p", ((Opaque("thought"),), HELLO, look, THE_END))
    response_id = bench.queued(include=include)
    bench.worker.work()
    seen.append(responses.get(CALLER, response_id, frozenset()))
    assert [bool(each.output[0].encrypted_content) for each in seen] == [shown, shown]
    data = b"".join(bench.store.read_events(response_id, 0).lines)
    assert (b"encrypted_content" in data) == shown


def test_who_waits_hears_of_the_end(bench: Bench, responses: Responses) -> None:
    response_id = bench.queued()
    bench.worker.work()
    responses.wait(CALLER, response_id, 30.0, lambda: False)
    assert responses.get(CALLER, response_id, frozenset()).status == "completed"


def test_who_waits_waits_no_longer_than_asked(bench: Bench, responses: Responses) -> None:
    response_id = bench.queued()
    responses.wait(CALLER, response_id, 0.01, lambda: False)
    assert responses.get(CALLER, response_id, frozenset()).status == "queued"


# Following


def test_what_was_made_at_once_cannot_be_followed(bench: Bench, background: Background) -> None:
    with pytest.raises(NotFound):
        background.follow(CALLER, "resp_unknown", -1, 15.0)
    with pytest.raises(InvalidRequest) as malformed:
        background.follow(CALLER, "nonsense", -1, 15.0)
    assert malformed.value.code == "invalid_response_id"


def test_only_its_account_may_follow_it(bench: Bench, background: Background) -> None:
    with pytest.raises(NotFound):
        background.follow(STRANGER, bench.queued(), -1, 15.0)


def test_it_is_followed_to_its_end(bench: Bench, background: Background) -> None:
    response_id = bench.queued()
    bench.worker.work()
    subscriber = background.follow(CALLER, response_id, -1, 15.0)
    assert subscriber
    lines = [line for lines in subscriber for line in lines]
    assert lines == bench.store.read_events(response_id, 0).lines


# Waiting


def test_who_has_left_waits_for_nothing(bench: Bench, background: Background) -> None:
    response_id = bench.queued()
    background.wait(CALLER, response_id, 60, lambda: True)
    assert "status" not in bench.away.calls


def test_who_leaves_waits_no_longer(bench: Bench, background: Background) -> None:
    response_id, has_left = bench.queued(), threading.Event()
    waiting = threading.Thread(
        target=background.wait, args=(CALLER, response_id, 3600, has_left.is_set), daemon=True
    )
    waiting.start()
    until(lambda: "status" in bench.away.calls, "it to wait")
    has_left.set()
    background.recheck()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()


# Cancelling


def test_what_is_cancelled_while_it_waits_never_runs(bench: Bench, background: Background) -> None:
    response_id = bench.queued()
    assert background.cancel(CALLER, response_id)
    bench.worker.work()
    response = bench.kept(response_id)
    assert (response.status, response.output, response.usage) == ("cancelled", (), Usage())
    assert bench.provider.requests == []


def test_it_frees_its_place_and_costs_nothing(bench: Bench, background: Background) -> None:
    background.cancel(CALLER, bench.queued())
    (line,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert (line.requests, line.errors, line.input_tokens) == (1, 0, 0)
    assert places_taken(bench) == 0


def test_cancelling_is_for_its_own_account_only(bench: Bench, background: Background) -> None:
    response_id = bench.queued()
    assert not background.cancel(STRANGER, response_id)
    assert bench.store.status("acme", response_id) == "queued"


def test_a_key_that_may_only_read_cannot_cancel(bench: Bench, background: Background) -> None:
    with pytest.raises(PermissionDenied):
        background.cancel(replace(CALLER, read_only=True), bench.queued())


def test_of_two_who_cancel_one_does(
    bench: Bench, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id = bench.queued()
    take_over, others = bench.store.take_over, [True]

    def after_another(*parameters: Any) -> Any:
        claim = take_over(*parameters)
        if others:
            others.clear()
            assert background.cancel(CALLER, response_id)
        return claim

    monkeypatch.setattr(bench.store, "take_over", after_another)
    assert background.cancel(CALLER, response_id)
    assert bench.kept(response_id).status == "cancelled"
    (line,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert line.requests == 1


def test_a_job_whose_takeover_was_lost_is_taken_over_again(
    bench: Bench, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id = bench.queued()
    take_over, lost = bench.store.take_over, [True]

    def lost_once(*given: Any) -> Any:
        claim = take_over(*given)
        assert claim is not None
        return replace(claim, lease_token=NOBODY) if lost and lost.pop() else claim

    monkeypatch.setattr(bench.store, "take_over", lost_once)
    assert background.cancel(CALLER, response_id)
    assert bench.kept(response_id).status == "cancelled"


def test_a_cancel_that_no_replica_has_is_charged_once(
    bench: Bench, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id = bench.queued()
    finish = bench.store.finish

    def unconfirmed(*given: Any) -> bool:
        assert finish(*given)
        raise Unconfirmed("written")

    monkeypatch.setattr(bench.store, "finish", unconfirmed)
    with pytest.raises(Unconfirmed):
        background.cancel(CALLER, response_id)
    assert not background.cancel(CALLER, response_id)
    (line,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert line.requests == 1


def test_what_has_ended_is_not_cancelled(bench: Bench, responses: Responses) -> None:
    response_id = bench.queued()
    bench.worker.work()
    before = responses.get(CALLER, response_id, frozenset())
    assert responses.cancel(CALLER, response_id) == before


def test_what_was_made_at_once_is_not_cancelled(bench: Bench, responses: Responses) -> None:
    response_id = bench.queued()
    bench.worker.work()
    for key in bench.client.scan_iter(f"{bench.prefix}*:events:{response_id}"):
        bench.client.delete(key)
    with pytest.raises(InvalidRequest, match="Only background"):
        responses.cancel(CALLER, response_id)


def test_what_is_deleted_is_cancelled_first(bench: Bench, responses: Responses) -> None:
    response_id = bench.queued()
    responses.delete(CALLER, response_id)
    bench.worker.work()
    assert bench.provider.requests == []
    with pytest.raises(NotFound):
        responses.get(CALLER, response_id, frozenset())


# Figures


def test_the_queues_are_told(bench: Bench, background: Background) -> None:
    bench.queued()
    figures = background.figures()
    assert (figures["gateway_jobs_queued"], figures["gateway_jobs_running"]) == (1, 0)


def test_while_the_store_is_away_no_queue_is_known(bench: Bench, background: Background) -> None:
    bench.away.is_away = True
    assert background.figures() == {}
