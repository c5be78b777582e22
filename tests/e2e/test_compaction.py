"""A conversation that one process compacts, and others go on with (G6, G7, G8)."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.e2e.background import ended
from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes, raw_post
from tests.upstream.client import Upstream
from tests.upstream.script import Script

SUMMARY = "SUMMARY: the city is Oslo."
CITY = {"role": "user", "content": "My city is Oslo."}
NOTED = {"role": "assistant", "content": "Blah. " * 1000}
NEXT = {"role": "user", "content": "What now?"}
TRIGGER = {"type": "compaction_trigger"}

pytestmark = pytest.mark.usefixtures("worker")


def model(provider: str, tag: str, say: str = SUMMARY) -> str:
    return f"{provider}/{Script(tag=tag, say=say).text()}"


def last_sent(upstream: Upstream, tag: str) -> str:
    return json.dumps(upstream.requests(tag)[-1]["body"])


def test_processes_of_two_kinds_and_a_worker_go_on_with_one_compaction(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream
) -> None:
    tag = "compacted elsewhere"
    first = gevent_gateway.stream([CITY, NOTED, TRIGGER], model=model("chat", tag)).response
    (item,) = first["output"]
    assert item["type"] == "compaction"

    # Another process goes on by the response's id, and the worker past a threshold.
    parent = {"previous_response_id": first["id"], "model": model("anthropic", tag, "Go.")}
    second = gthread_gateway.create([NEXT], **parent)
    sent = last_sent(upstream, tag)
    assert SUMMARY in sent
    assert "Blah." not in sent
    body = {
        "model": model("responses", tag),
        "input": [NOTED, NEXT],
        "previous_response_id": second["id"],
        "context_management": [{"type": "compaction", "compact_threshold": 1000}],
        "background": True,
    }
    queued = gevent_gateway.call("POST", "/v1/responses", body)
    third = ended(gthread_gateway, queued.json()["id"])
    assert [each["type"] for each in third["output"]] == ["compaction", "message"]
    assert "Blah." not in last_sent(upstream, tag)

    # So does one that is sent the item, but not for another account.
    kept = {"model": model("responses", tag, "Go."), "input": [CITY, item, NEXT], "store": False}
    answer = gthread_gateway.call("POST", "/v1/responses", kept)
    assert answer.status_code == 200, answer.text
    assert SUMMARY in last_sent(upstream, tag)
    refused = gthread_gateway.call("POST", "/v1/responses", kept, key=gthread_gateway.keys.foreign)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "input[1].encrypted_content"


def test_openais_own_client_compacts_a_conversation_and_goes_on(
    openai_client: openai.OpenAI, upstream: Upstream
) -> None:
    tag = f"sdk {openai_client.base_url.port}"
    given: Any = [CITY, NOTED, NEXT]
    compacted = openai_client.responses.compact(model=model("chat", tag), input=given)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "message", "compaction"]
    assert compacted.usage.total_tokens == 11 + 7
    window: Any = [item.model_dump(exclude_none=True, warnings=False) for item in compacted.output]
    window.append(NEXT)
    answer = openai_client.responses.create(model=model("anthropic", tag, "Go."), input=window)
    assert answer.output_text == "Go."
    sent = last_sent(upstream, tag)
    assert SUMMARY in sent
    assert "Blah." not in sent


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact"])
def test_a_caller_that_hangs_up_while_a_summary_is_written_frees_the_upstream(
    either_gateway: Gateway, upstream: Upstream, path: str
) -> None:
    tag = f"left-{path.count('/')}-{either_gateway.url[-5:]}"
    script = Script(say=("one ", "two"), stall_after=1, tag=tag)
    trigger = [TRIGGER] if path == "/v1/responses" else []
    body = {"model": f"chat/{script.text()}", "input": [CITY, NOTED, *trigger]}
    headers = f"X-Request-ID: {tag}\r\n"
    call = RawCall(either_gateway.url, post_bytes(path, either_gateway.keys.own, body, headers))
    upstream.wait(tag, "stalled")
    call.close()
    upstream.wait(tag, "aborted")
    line = either_gateway.logged(event="request", request_id=tag)
    assert (line["status"], line["error_code"]) == (499, "caller_left")
    assert (line["outcome"], line["provider"]) == ("cancelled", "chat")


def test_a_stream_is_kept_alive_while_a_summary_is_written(
    impatient_gateway: Gateway, upstream: Upstream
) -> None:
    tag = "slow summary"
    script = Script(events=30, interval_s=0.1, tag=tag)
    body = {"model": f"chat/{script.text()}", "input": [CITY, NOTED, TRIGGER], "stream": True}
    with raw_post(impatient_gateway.url, impatient_gateway.keys.own, body) as call:
        frames = call.body().split(b"\n\n")
    comments = [place for place, frame in enumerate(frames) if frame.startswith(b":")]
    added = next(n for n, frame in enumerate(frames) if b"response.output_item.added" in frame)
    assert comments
    assert min(comments) < added
