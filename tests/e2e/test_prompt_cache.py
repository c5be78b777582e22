"""A conversation with a server that caches prompts: what it reads from there is in its usage."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather. " * 300,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
RULES = "Be brief, and be polite. " * 300
QUESTION = "What is the weather in Zurich, and what was it yesterday? " * 10


class Talk:
    """A conversation; each turn is a question, a call and its output."""

    def __init__(self, gateway: Gateway, upstream: Upstream, model: str, *, stream: bool) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._model = model
        self._stream = stream

    def _create(self, item: dict[str, Any], parent: str | None) -> dict[str, Any]:
        more = {
            "model": f"cached/{self._model}",
            "instructions": RULES,
            "tools": [WEATHER],
            "previous_response_id": parent,
        }
        if self._stream:
            return self._gateway.stream([item], **more).response
        return self._gateway.create([item], **more)

    def turn(self, parent: str | None, question: str) -> list[dict[str, Any]]:
        """Return the two answers of a turn."""
        call = Script(calls=(Call(name="weather", arguments='{"city":"Zurich"}'),))
        self._upstream.arm(call, Script(say="It is 12 degrees, as it was. "), model=self._model)
        calling = self._create({"role": "user", "content": question}, parent)
        output = {
            "type": "function_call_output",
            "call_id": calling["output"][-1]["call_id"],
            "output": "12 degrees",
        }
        return [calling, self._create(output, calling["id"])]


def counts(response: dict[str, Any]) -> tuple[int, int, int]:
    """Return the input, what was read of it from the cache, and what was written there."""
    usage = response["usage"]
    details = usage["input_tokens_details"]
    assert details["cached_tokens"] + details["cache_write_tokens"] <= usage["input_tokens"]
    return usage["input_tokens"], details["cached_tokens"], details["cache_write_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_turn_reads_what_the_turns_before_it_wrote_and_so_does_a_fork(
    gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    talk = Talk(gateway, upstream, f"claude-sonnet-4-5-{stream}", stream=stream)
    before, parent, turns = 0, None, []
    for number in range(3):
        for response in talk.turn(parent, f"{number}: {QUESTION}"):
            given, read, written = counts(response)
            assert read == before  # everything up to the end of the request before
            assert read + written == given
            before, parent = given, response["id"]
        turns.append(response)
    second_input, _, _ = counts(turns[1])
    fork, _ = talk.turn(turns[1]["id"], f"Another: {QUESTION}")
    given, read, written = counts(fork)
    assert (read, read + written) == (second_input, given)


def test_breakpoints_go_with_their_parts_through_the_store(
    gateway: Gateway, upstream: Upstream
) -> None:
    point = {"mode": "explicit", "ttl": "12h"}
    part = {"type": "input_text", "text": RULES, "prompt_cache_breakpoint": point}
    explicit = {"mode": "explicit", "ttl": "30m"}
    script = Script(tag="breakpoints", say="Yes.")
    model = f"cached/{script.text()}"
    given = [{"role": "user", "content": [part, {"type": "input_text", "text": "Hi"}]}]
    first = gateway.create(given, model=model, prompt_cache_options=explicit)
    assert first["prompt_cache_options"] == explicit
    listed = gateway.call("GET", f"/v1/responses/{first['id']}/input_items").json()["data"]
    assert listed[0]["content"][0] == part
    gateway.create(
        "More?", model=model, previous_response_id=first["id"], prompt_cache_options=explicit
    )
    for request in upstream.requests("breakpoints"):
        blocks = [block for turn in request["body"]["messages"] for block in turn["content"]]
        marks = [block.get("cache_control") for block in blocks]
        assert marks == [{"type": "ephemeral", "ttl": "1h"}, *(None for _ in blocks[1:])]
