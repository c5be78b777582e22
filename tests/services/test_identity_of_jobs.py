"""What a request is called follows it through the queue, to the upstream and into every line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import redis
import structlog

from app import telemetry
from app.domain.accounts.accounts import Allowance, Permissions
from app.domain.identity import RequestIdentity
from app.errors import UpstreamMisbehaved
from app.schemas.request.create import CREATE_REQUEST
from app.settings import CostBudget
from app.store.jobs.payload import dump_payload, load_payload, load_pending
from tests.samples import Growth
from tests.services.jobs_bench import CALLER, Bench, Noted
from tests.services.scripted import HELLO, THE_END, ScriptedProvider

TRACE = "a" * 32
NAMES = RequestIdentity("req_1", f"00-{TRACE}-{'b' * 16}-01", "vendor=1")


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    with redis.Redis.from_url(redis_url) as client:
        yield Bench(client)


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """Return the log's lines, once the test has looked."""
    stream = io.StringIO()
    telemetry.configure_logging("DEBUG", "json", stream)

    class Lines(list[dict[str, Any]]):
        def of(self, event: str) -> dict[str, Any]:
            result = map(json.loads, stream.getvalue().splitlines())
            (line,) = [each for each in result if each["event"] == event]
            return dict(line)

    yield Lines()
    telemetry.identify()
    structlog.reset_defaults()


def queued(bench: Bench) -> str:
    body = {"model": "m", "input": "hi", "background": True}
    sent = CREATE_REQUEST.load(body)
    response, _ = bench.background.enqueue(CALLER, sent, body, Noted(), NAMES)
    return response.id


def test_a_job_is_called_what_its_request_was(bench: Bench, lines: Any) -> None:
    bench.provider = ScriptedProvider("p", (HELLO, THE_END))
    response_id = queued(bench)
    bench.worker.work()
    (call,) = bench.provider.calls
    assert call.identity == NAMES
    line = lines.of("job")
    assert (line["request_id"], line["trace_id"]) == ("req_1", TRACE)
    assert line["response_id"] == response_id


def test_a_job_that_failed_says_at_whom_and_how_often(bench: Bench, lines: Any) -> None:
    bench.provider = ScriptedProvider("p", (UpstreamMisbehaved("no"),))
    response_id = queued(bench)
    bench.worker.work()
    ids = {"request_id": "req_1", "trace_id": TRACE, "response_id": response_id}
    whose = {"provider": "p", "model": "m", "attempts": 1, "error_code": "upstream_error"}
    for event in ("job", "upstream_failed"):
        assert (ids | whose).items() <= lines.of(event).items()


def test_a_lost_job_is_called_what_its_request_was(bench: Bench, lines: Any) -> None:
    response_id = queued(bench)
    bench.begun(response_id)
    bench.lapse()
    bench.supervisor.beat()
    line = lines.of("job_lost")
    assert (line["request_id"], line["response_id"]) == ("req_1", response_id)


def test_a_job_whose_end_is_all_that_was_stored_is_not_called_lost(
    bench: Bench, lines: Any
) -> None:
    """As after a fail-over, which comes between the end and the step that tidies up."""
    response_id = queued(bench)
    bench.worker.work()
    grown = Growth("gateway_job_leases_lost_total")
    bench.client.zadd(f"{bench.prefix}{{jobs}}:leases", {response_id: 0})
    bench.supervisor.beat()
    assert lines.of("job_end_settled")["response_id"] == response_id
    with pytest.raises(ValueError, match="not enough values"):
        lines.of("job_lost")
    assert grown.all == {}


def test_a_job_of_an_earlier_release_has_no_name_and_runs(bench: Bench, lines: Any) -> None:
    bench.provider = ScriptedProvider("p", (HELLO, THE_END))
    response_id = queued(bench)
    payload = bench.store.payload(response_id)
    assert payload is not None
    old = orjson.loads(dump_payload(payload))
    del old["identity"]
    assert load_payload(orjson.dumps(old)).identity is None


def test_a_job_of_the_next_release_says_where_its_own_items_begin(bench: Bench) -> None:
    payload = bench.store.payload(queued(bench))
    assert payload is not None
    thread = replace(payload.thread, items=(*payload.thread.items, *payload.thread.own))
    now = orjson.loads(dump_payload(replace(payload, thread=thread)))
    short = orjson.dumps(now | {"own": len(payload.thread.items)})
    assert load_payload(short) == load_payload(orjson.dumps(now))
    assert load_pending(short, "", None) == load_pending(orjson.dumps(now), "", None)


def test_a_job_carries_what_a_token_has_permitted(bench: Bench) -> None:
    payload = bench.store.payload(queued(bench))
    assert payload is not None
    assert b"permissions" not in dump_payload(payload)  # of a key, which is looked up
    limits = Allowance(max_in_flight=2, budgets=(CostBudget(1, "day"),))
    permissions = Permissions(models=("gpt-*",), read_only=True, limits=limits)
    token = replace(payload, permissions=permissions)
    assert load_payload(dump_payload(token)).principal == token.principal
