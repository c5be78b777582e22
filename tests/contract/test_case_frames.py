"""Frames that servers write in their own way say what they say, in all three formats (U20, U21)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.stream.accumulate import fold
from app.errors import (
    GatewayError,
    InvalidRequest,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from app.settings import Api
from tests.contract.recordings import play
from tests.contract.test_case_siblings import APIS, streamed, text_of

Json = dict[str, Any]


def frames_of(api: Api) -> list[bytes]:
    """Return the frames of a stream that says A and B."""
    return [frame + b"\n\n" for frame in streamed(api, "A", "B").split(b"\n\n")[:-1]]


def shown(api: Api, stream: bytes) -> tuple[type[GatewayError] | None, str]:
    """Return what went wrong with a stream, and the text that it says."""
    telling = play(api, [stream], stream=True)
    failure = None if telling.failure is None else type(telling.failure)
    return failure, text_of(fold(telling.events))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "end", [b"[DONE]", b" [DONE] ", b"[done]", b'"[DONE]"', b"[DONE]\r"], ids=repr
)
def test_the_last_frame_is_known_however_it_is_written(api: Api, end: bytes) -> None:
    pieces = [frame for frame in frames_of(api) if b"A" in frame or b"start" in frame]
    assert shown(api, b"".join(pieces) + b"data:" + end + b"\n\n") == (None, "A")


@pytest.mark.parametrize("api", APIS)
def test_a_last_line_that_is_whole_may_lack_its_end(api: Api) -> None:
    *most, last = [frame for frame in frames_of(api) if b"[DONE]" not in frame]
    whole = b"".join(most) + last.rstrip(b"\n")
    assert shown(api, whole) == (None, "AB")
    # Anthropic's last frame says nothing new: its stop_reason came before.
    failure = None if api == "anthropic_messages" else UpstreamUnavailable
    assert shown(api, whole[:-1]) == (failure, "AB")


@pytest.mark.parametrize("api", APIS)
def test_a_stream_may_have_no_blank_lines(api: Api) -> None:
    assert shown(api, b"".join(frames_of(api)).replace(b"\n\n", b"\n")) == (None, "AB")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", [b"ping", b"heartbeat", b"keepalive", b"keep-alive"])
@pytest.mark.parametrize("data", [b"ping", b"1764460800", b'"alive"'])
def test_a_sign_of_life_may_be_any_text(api: Api, name: bytes, data: bytes) -> None:
    first, *rest = frames_of(api)
    odd = b"event: %b\ndata: %b\n\n" % (name, data)
    assert shown(api, b"".join([odd, first, odd, *rest])) == (None, "AB")


@pytest.mark.parametrize("api", APIS)
def test_a_text_that_is_no_json_ends_a_stream_as_a_failure(api: Api) -> None:
    assert shown(api, b"data: hello\n\n" + b"".join(frames_of(api)))[0] is UpstreamMisbehaved


@pytest.mark.parametrize("api", APIS)
def test_an_error_may_be_a_plain_text(api: Api) -> None:
    frames = frames_of(api)
    at = next(at for at, frame in enumerate(frames) if b'"A"' in frame)
    said = b"".join(frames[: at + 1]) + b"event: error\ndata: Overloaded\n\n"
    assert shown(api, said + b"".join(frames[at + 1 :])) == (UpstreamUnavailable, "A")


ERRORS: list[tuple[Json, type[GatewayError]]] = [
    ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, InvalidRequest),
    ({"object": "error", "message": "no", "type": "x", "code": 429}, UpstreamRateLimited),
    ({"success": False, "code": 401, "msg": "token expired"}, UpstreamRefused),
    ({"code": "InvalidParameter", "message": "no", "request_id": "1"}, InvalidRequest),
    ({"__type": "ThrottlingException", "message": "slow down"}, UpstreamRateLimited),
    ({"status": 429, "message": "slow down"}, UpstreamRateLimited),
    ({"errors": [{"message": "no", "code": 7}], "result": None}, UpstreamUnavailable),
    ({"detail": "Internal error"}, UpstreamUnavailable),
    ({"error": "`temperature` must be positive", "error_type": "validation"}, InvalidRequest),
    ({"error": "Model is overloaded", "error_type": "overloaded"}, UpstreamUnavailable),
    ({"error": "no", "code": 400}, InvalidRequest),
    ({"error": "no"}, UpstreamUnavailable),
    ({"message": "Internal error"}, UpstreamUnavailable),
]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("error", "failure"), ERRORS)
def test_an_error_in_the_place_of_an_answer_is_that_error(
    api: Api, error: Json, failure: type[GatewayError]
) -> None:
    for stream in (True, False):
        told = play(api, [orjson.dumps(error)], stream=stream).failure
        assert type(told) is failure
    odd = b"data: " + orjson.dumps(error) + b"\n\n"
    assert shown(api, odd) == (failure, "")
    frames = frames_of(api)
    at = next(at for at, frame in enumerate(frames) if b'"A"' in frame)
    assert shown(api, b"".join([*frames[: at + 1], odd, *frames[at + 1 :]])) == (failure, "A")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "aside",
    [{"type": "status", "message": "Searching", "code": "x"}, {"type": "tool", "detail": "low"},
     {"type": "tool", "errors": [1]}, {"type": "tool", "success": False},
     {"id": "1", "message": "Searching"},
     {"message": "ok", "code": "0"}, {"msg": "ok", "code": 200}, {"success": True, "msg": "ok"}],
)  # fmt: skip
def test_words_that_are_no_error_cost_no_answer(api: Api, aside: Json) -> None:
    first, *rest = frames_of(api)
    odd = b"data: " + orjson.dumps(aside) + b"\n\n"
    assert shown(api, b"".join([first, odd, *rest])) == (None, "AB")


@pytest.mark.parametrize("api", APIS)
def test_a_web_page_is_known_by_how_it_begins(api: Api) -> None:
    page = b"\n <html><body>Log in</body></html>"
    for pieces in ([page], [page[at : at + 1] for at in range(len(page))]):
        for stream in (True, False):
            failure = play(api, pieces, stream=stream).failure
            assert type(failure) is UpstreamMisbehaved
            assert "web page" in str(failure)


def test_groq_says_in_a_room_of_its_own_why_it_stopped() -> None:
    stopped = {"choices": [{"delta": {}}], "x_groq": {"id": "1", "error": "out of capacity"}}
    first, *_ = frames_of("chat_completions")
    said = first + b"data: " + orjson.dumps(stopped) + b"\n\ndata: [DONE]\n\n"
    assert shown("chat_completions", said) == (UpstreamUnavailable, "A")
