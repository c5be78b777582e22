"""A response is found whether it is stored, waits, runs, or ends while it is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from app.api.http.bodies import pacing
from app.domain.items import Message
from app.domain.request import CreateRequest
from app.domain.stream.deltas import Text
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Context
from app.errors import GatewayError
from app.services.responses.lookup import ResponseLookup
from app.services.responses.replays import StreamReplays
from app.services.responses.service import Responses
from app.store.responses.base import unknown_response
from tests.services.jobs_bench import CALLER, Bench
from tests.services.scripted import HELLO, THE_END, ScriptedProvider

NOT_INCLUDED: frozenset[str] = frozenset()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def bench(client: redis.Redis) -> Bench:
    return Bench(client)


@pytest.fixture
def lookup(bench: Bench) -> ResponseLookup:
    return bench.lookup


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


def continuing(response_id: str) -> CreateRequest:
    return CreateRequest(model="m", input=(), previous_response_id=response_id)


#: Every way to look at a response. Each raises NotFound for one that is unknown.
LOOKS: dict[str, Callable[[Bench, Responses, str], Any]] = {
    "get": lambda _, responses, sought: responses.get(CALLER, sought, NOT_INCLUDED),
    "wait": lambda _, responses, sought: responses.wait(CALLER, sought, 0.01, lambda: False),
    "input items": lambda _, responses, sought: responses.input_items(
        CALLER, sought, PageQuery("desc", 20), NOT_INCLUDED
    ),
    "context": lambda bench, _, sought: bench.lookup.context("acme", sought),
    "continue": lambda bench, _, sought: bench.preparation.prepare(CALLER, continuing(sought)),
    "delete": lambda _, responses, sought: responses.delete(CALLER, sought),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_what_ends_while_it_is_looked_for_is_found(
    bench: Bench,
    responses: Responses,
    monkeypatch: pytest.MonkeyPatch,
    look: Callable[[Bench, Responses, str], Any],
) -> None:
    response_id = bench.queued()
    looks: list[str] = []

    def at_the_second_look(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*args: Any) -> Any:
            looks.append(read.__name__)
            if len(looks) == 1:
                bench.worker.work()
                raise unknown_response(response_id)
            return read(*args)

        return reading

    for name in ("get", "context", "input_items", "delete"):
        read = at_the_second_look(getattr(bench.responses, name))
        monkeypatch.setattr(bench.responses, name, read)
    look(bench, responses, response_id)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_what_is_unknown_is_not_found(
    bench: Bench, responses: Responses, look: Callable[[Bench, Responses, str], Any]
) -> None:
    with pytest.raises(GatewayError, match="not found"):
        look(bench, responses, bench.queued()[:-1] + "x")


def test_what_waits_is_shown_as_it_was_accepted(bench: Bench, lookup: ResponseLookup) -> None:
    response_id = bench.queued()
    payload = bench.store.payload(response_id)
    assert payload is not None
    assert lookup.get("acme", response_id).response == payload.response


def test_what_runs_shows_its_output_so_far(bench: Bench, lookup: ResponseLookup) -> None:
    seen: list[Any] = []

    def look() -> None:
        bench.clock.now += 1
        bench.active_jobs.flush()
        seen.append(lookup.pending("acme", response_id))

    bench.provider = ScriptedProvider("p", (HELLO, look, (Text(" you"),), look, THE_END))
    response_id = bench.queued()
    bench.worker.work()
    texts = [item.content[0].text for each in seen for item in each.output]
    assert [each.status for each in seen] == ["in_progress"] * 2
    assert texts == ["Hello", "Hello you"]


def test_what_has_ended_or_is_foreign_is_not_pending(bench: Bench, lookup: ResponseLookup) -> None:
    response_id = bench.queued()
    assert lookup.pending("globex", response_id) is None
    bench.worker.work()
    assert lookup.pending("acme", response_id) is None


def test_what_ends_between_two_steps_is_not_pending(
    bench: Bench, lookup: ResponseLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id = bench.queued()
    monkeypatch.setattr(bench.store, "payload", lambda _: None)
    assert lookup.pending("acme", response_id) is None


def test_its_input_is_listed_before_it_has_ended(bench: Bench, lookup: ResponseLookup) -> None:
    page = lookup.input_items("acme", bench.queued("what is new?"), PageQuery("desc", 20))
    (item,) = page.items
    assert isinstance(item, Message)
    assert "what is new?" in str(item.content)


def test_what_has_not_ended_leaves_no_context_but_its_status(
    bench: Bench, lookup: ResponseLookup
) -> None:
    response_id = bench.queued()
    waiting = lookup.context("acme", response_id)
    bench.worker.work()
    ended = lookup.context("acme", response_id)
    assert (waiting, isinstance(ended, Context)) == ("queued", True)
