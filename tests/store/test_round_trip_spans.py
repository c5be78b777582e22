"""Each round trip to Redis is a span of the request that makes it, and holds no key or value."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from redis.exceptions import ResponseError

from app.settings import RedisSettings
from app.store.connection.client import Client, connect
from app.store.connection.round_trip import round_trip
from app.store.connection.script import LuaText, Script
from app.telemetry.tracing import Recording, Sampler, Span, begin, stop_tracing, tracer

TRACE = "a" * 32


@pytest.fixture(params=["redis_url", "cluster_url"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with connect(RedisSettings(url=request.getfixturevalue(request.param))) as client:
        client.ping()
        yield client


@pytest.fixture
def recording() -> Iterator[Recording]:
    tracer.sampler = Sampler.named("always_on", 1.0)
    made = begin("POST /v1/responses", "server", trace_id=TRACE)
    assert made is not None
    yield made
    tracer.end(made)
    stop_tracing()


def stores(recording: Recording) -> list[Span]:
    return recording.spans[1:]


def test_a_command_a_pipeline_and_a_round_trip_are_a_span_each(
    client: Client, recording: Recording
) -> None:
    key = f"{uuid4()}-secret"
    client.set(key, "secret")
    with client.pipeline(transaction=False) as pipeline:
        pipeline.get(key)
        pipeline.strlen(key)
        pipeline.execute()
    round_trip(client, [("GET", key)])
    assert [span.name for span in stores(recording)] == ["SET", "GET", "GET"]
    assert all(span.end_ns >= span.start_ns and span.error is None for span in stores(recording))
    assert {span.parent_id for span in stores(recording)} == {recording.root.id}
    assert "secret" not in str([(span.name, span.attributes) for span in stores(recording)])


def test_a_program_has_its_name_also_where_the_server_does_not_know_it(
    client: Client, recording: Recording
) -> None:
    program = Script(LuaText("greet", f"return '{uuid4()}'"))
    for _ in range(2):
        program(("key",), ()).run(client)
    names = [span.name for span in stores(recording) if "greet" in span.name]
    assert names == ["EVALSHA greet", "EVAL greet", "EVALSHA greet"]
    assert not any(span.error for span in stores(recording))


def test_a_refusal_is_a_failure(client: Client, recording: Recording) -> None:
    key = str(uuid4())
    client.set(key, "no list")
    with pytest.raises(ResponseError):
        client.lpop(key)
    assert stores(recording)[-1].error == "ResponseError"


def test_where_nothing_is_recorded_there_is_no_span(client: Client) -> None:
    tracer.sampler = Sampler.named("always_off", 0.0)
    assert begin("POST /v1/responses", "server", trace_id=TRACE) is None
    client.get("key")
    stop_tracing()


def test_what_another_request_does_on_the_connection_is_not_this_ones(
    client: Client, recording: Recording
) -> None:
    key = str(uuid4())
    client.get(key)
    span = stores(recording)[-1]
    ended, recording.root.end_ns = span.end_ns, 1
    tracer.sampler = Sampler.named("always_off", 0.0)
    begin("GET /v1/models", "server", trace_id="b" * 32)
    client.get(key)
    assert (len(stores(recording)), span.end_ns) == (1, ended)
