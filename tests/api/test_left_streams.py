"""A stream that its caller has left is told from one that was sent, and from one that broke."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.api.http.sse import Stream
from app.api.request_log import _was_left
from app.errors import StorageUnavailable
from app.telemetry import Trace


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
