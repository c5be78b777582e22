"""Streams that go on without their callers, and are read later (C7)."""

from __future__ import annotations

import pytest

from tests.e2e.background import ended
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

CONTINUE = "X-On-Disconnect: continue\r\n"


def left(gateway: Gateway, upstream: Upstream, script: Script, model: str) -> str:
    """Leave a stream once the upstream has begun; return the response's id."""
    body = {"model": model, "input": script.text(), "stream": True}
    call = RawCall(gateway.url, post_bytes("/v1/responses", gateway.keys.own, body, CONTINUE))
    response_id: str = call.event("response.created")["response"]["id"]
    call.event("response.output_text.delta")
    call.close()
    return response_id


@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_a_stream_goes_on_without_its_caller_and_can_be_replayed(
    either_gateway: Gateway, upstream: Upstream, model: str
) -> None:
    tag = f"left {model} {either_gateway.url[-5:]}"
    script = Script(say=("one ", "two ", "three"), stall_after=1, tag=tag)
    response_id = left(either_gateway, upstream, script, model)
    upstream.release(tag)
    stored = ended(either_gateway, response_id)
    assert (stored["status"], stored["output_text"]) == ("completed", "one two three")
    again = either_gateway.call("GET", f"/v1/responses/{response_id}?stream=true")
    assert again.content.count(b"event: response.output_text.delta") == 3
    line = either_gateway.logged(event="stream_carried_on", response_id=response_id)
    assert line["request_id"]


def test_its_use_is_counted_to_its_end(gateway: Gateway, upstream: Upstream) -> None:
    before = gateway.call("GET", "/v1/usage").json()["total"]["output_tokens"]
    script = Script(say=("one ", "two"), stall_after=1, tag="left and counted")
    response_id = left(gateway, upstream, script, "steady")
    upstream.release("left and counted")
    ended(gateway, response_id)

    def is_counted() -> bool:
        total = gateway.call("GET", "/v1/usage").json()["total"]
        return bool(total["output_tokens"] > before)

    until(is_counted, "its tokens to be counted")


@pytest.mark.parametrize(
    ("header", "more", "code"),
    [
        ("continue", {"stream": False}, "unsupported_value"),
        ("continue", {"stream": True, "store": False}, "unsupported_value"),
        ("continue", {"background": True}, "unsupported_value"),
        ("never", {"background": True}, "invalid_value"),
        ("never", {"stream": True}, "invalid_value"),
    ],
)
def test_what_cannot_go_on_is_refused(
    gateway: Gateway, header: str, more: dict[str, object], code: str
) -> None:
    body = {"model": "steady", "input": "x", **more}
    answer = gateway.call("POST", "/v1/responses", body, headers={"X-On-Disconnect": header})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["param"] == "X-On-Disconnect"
