"""A caller that hangs up frees the upstream, also while that is silent, and is remembered (A4)."""

from __future__ import annotations

import pytest

from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes, raw_post
from tests.upstream.client import Upstream
from tests.upstream.script import Script

MODELS = [f"{provider}/steady" for provider in APIS]


def hang_up(gateway: Gateway, upstream: Upstream, script: Script, model: str, stream: bool) -> str:
    """Ask, hang up once the upstream is silent, wait until it is free; return the response's id."""
    body = {"model": model, "input": script.text(), "stream": stream}
    headers = f"X-Request-ID: {script.tag}\r\n"
    call = RawCall(gateway.url, post_bytes("/v1/responses", gateway.keys.own, body, headers))
    upstream.wait(script.tag, "stalled")
    call.close()
    upstream.wait(script.tag, "aborted")
    line = gateway.logged(event="request", request_id=script.tag)
    assert line["outcome"] == "cancelled"
    assert (line["status"], line["error_code"]) == (499, "caller_left")
    return str(line["response_id"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stall_after", [-1, 0, 1], ids=["unheard", "begun", "speaking"])
def test_a_caller_that_hangs_up_frees_a_silent_upstream(
    either_gateway: Gateway, upstream: Upstream, model: str, stream: bool, stall_after: int
) -> None:
    tag = f"gone-{model}-{stream}-{stall_after}-{either_gateway.url[-5:]}"
    script = Script(say=("one ", "two"), stall_after=stall_after, tag=tag)
    response_id = hang_up(either_gateway, upstream, script, model, stream)
    stored = either_gateway.get(response_id).json()
    assert (stored["status"], stored["error"]) == ("cancelled", None)


def test_what_was_said_before_the_hang_up_is_kept(
    either_gateway: Gateway, upstream: Upstream
) -> None:
    tag = f"kept-{either_gateway.url[-5:]}"
    script = Script(say=("one ", "two"), stall_after=1, tag=tag)
    body = {"model": "steady", "input": script.text(), "stream": True}
    with raw_post(either_gateway.url, either_gateway.keys.own, body) as call:
        response_id = call.event("response.created")["response"]["id"]
        call.event("response.output_text.delta")
    upstream.wait(tag, "aborted")
    line = either_gateway.logged(event="request", response_id=response_id)
    assert (line["status"], line["error_code"]) == (499, "caller_left")
    stored = either_gateway.get(response_id).json()
    assert stored["output_text"] == "one "
    assert [item["status"] for item in stored["output"]] == ["incomplete"]


def test_a_caller_that_hangs_up_while_much_is_being_said_frees_the_upstream(
    either_gateway: Gateway, upstream: Upstream
) -> None:
    tag = f"talking-{either_gateway.url[-5:]}"
    script = Script(events=3000, interval_s=0.01, tag=tag)
    body = {"model": "steady", "input": script.text(), "stream": True}
    with raw_post(either_gateway.url, either_gateway.keys.own, body) as call:
        response_id = call.event("response.created")["response"]["id"]
    upstream.wait(tag, "aborted")
    either_gateway.logged(event="request", response_id=response_id)
    assert either_gateway.get(response_id).json()["status"] == "cancelled"
