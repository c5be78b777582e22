"""A stream that its caller has left is told from one that was sent, and from one that broke."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from flask import Flask

from app.api import context
from app.api.http.sse import Stream
from app.api.request_log import _was_left
from app.errors import StorageUnavailable
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, RequestSettings, Settings
from app.telemetry import Trace
from tests.api.conftest import PREFIX, Asker, asker
from tests.processes import until
from tests.services.scripted import HELLO, THE_END, ScriptedProvider


def frames(batch: Sequence[bytes]) -> bytes:
    return b"".join(batch)


@pytest.fixture
def stream() -> Stream[bytes]:
    return Stream([[b"one"], [b"two"]], frames, lambda: None)


@pytest.fixture
def trace() -> Trace:
    return Trace("req_1", "GET")


def ended_by(fault: BaseException, stream: Stream[bytes], trace: Trace) -> bool:
    """Return what is found where a fault is on its way out."""
    try:
        raise fault  # noqa: TRY301 - it is to be on its way
    except BaseException:  # noqa: BLE001 - whatever it is
        return _was_left(stream, trace)


def test_a_stream_that_was_sent_was_not_left(stream: Stream[bytes], trace: Trace) -> None:
    assert list(stream)[:2] == [b"one", b"two"]
    assert not _was_left(stream, trace)
    assert trace.error_code is None


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_a_stream_that_was_not_taken_to_its_end_was_left(
    stream: Stream[bytes], trace: Trace, taken: int
) -> None:
    pieces = iter(stream)
    for _ in range(taken):
        next(pieces)
    assert _was_left(stream, trace)
    assert trace.error_code == "caller_left"


@pytest.mark.parametrize("fault", [BrokenPipeError(), ConnectionResetError(), GeneratorExit()])
def test_a_broken_connection_is_a_caller_that_left(
    stream: Stream[bytes], trace: Trace, fault: BaseException
) -> None:
    assert ended_by(fault, stream, trace)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(StorageUnavailable("away"), "storage_unavailable"), (ValueError("bug"), "api_error")],
)
def test_a_stream_that_broke_was_not_left(
    stream: Stream[bytes], trace: Trace, fault: Exception, code: str
) -> None:
    assert not ended_by(fault, stream, trace)
    assert trace.error_code == code


def test_a_head_has_no_stream_to_be_left(stream: Stream[bytes]) -> None:
    assert not _was_left(stream, Trace("req_1", "HEAD"))


def left(caller: Asker, header: tuple[str, str]) -> None:
    """Leave a stream that has begun."""
    body = {"model": "m", "input": "Hi", "stream": True}
    headers = {"Authorization": f"Bearer {caller.secret}", header[0]: header[1]}
    answer = caller.client.post("/v1/responses", json=body, headers=headers)
    assert b"response.created" in next(answer.iter_encoded())
    answer.close()


@pytest.mark.parametrize("header", [("X-On-Disconnect", "continue"), ("Idempotency-Key", "k1")])
def test_a_stream_that_goes_on_without_its_caller_stays_in_flight(
    redis_url: str, header: tuple[str, str]
) -> None:
    goes_on = threading.Event()

    def stall() -> None:
        goes_on.wait(60)

    settings = Settings(
        providers=(ProviderSettings(name="p", api="local", models=("m",)),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        requests=RequestSettings(max_in_flight=1),
        log_level="CRITICAL",
    )
    provider = ScriptedProvider("p", (HELLO, stall, THE_END))
    app = create_app(settings, providers={"p": provider})
    caller = asker(app, f"left-{header[1]}")
    with app.app_context():
        in_flight = context.services().in_flight
    left(caller, header)
    refused = caller.ask("GET", "/v1/responses")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "overloaded")
    goes_on.set()
    until(lambda: in_flight.requests_share() == 0, "the stream to end")
    assert caller.ask("GET", "/v1/responses").status_code == 200


def test_a_stream_that_ends_with_its_caller_leaves_its_place(app: Flask, owner: Asker) -> None:
    with app.app_context():
        in_flight = context.services().in_flight
    body = {"model": "local/echo", "input": "Hi", "stream": True}
    headers = {"Authorization": f"Bearer {owner.secret}"}
    answer = owner.client.post("/v1/responses", json=body, headers=headers)
    next(answer.iter_encoded())
    assert in_flight.requests_share() > 0
    answer.close()
    assert in_flight.requests_share() == 0
