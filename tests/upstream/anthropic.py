"""Anthropic Messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from tests.upstream.answer import Answer, Block, ReadRequest, Stream, text_of
from tests.upstream.frames import event
from tests.upstream.prompt_cache import CacheUse
from tests.upstream.script import Counted, Fail

SIGNATURE = "c2lnbmVkLWJ5LXRoZS10ZXN0LWJlZA=="

_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "none": None,
}


class AnthropicWire:
    """Implements answer.Wire."""

    def parse(self, body: dict[str, Any]) -> ReadRequest:
        """Read what matters to the answer from a request's body."""
        messages = body["messages"]
        heard = [message for message in messages if message["role"] == "user"]
        return ReadRequest(
            model=body["model"],
            stream=bool(body.get("stream")),
            heard=_heard(heard[-1]["content"]) if heard else "",
            turns=len(messages) + (1 if body.get("system") else 0),
        )

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the body of a whole answer; an answer without an end has no stop reason."""
        content = [_block(block) for block in answer.blocks if block.kind != "refusal"]
        return _message(answer) | {"content": content} | _stopped(answer) | _usage(answer)

    def stream(self, answer: Answer) -> Stream:
        """Return a streamed answer: the usage is cumulative, told at the start and at the end."""
        started = _message(answer) | {"content": [], "stop_reason": None, "stop_sequence": None}
        if answer.usage:
            counted = Counted(input=answer.usage.input, cached=answer.usage.cached)
            started |= _usage(replace(answer, usage=counted))
        blocks = [block for block in answer.blocks if block.kind != "refusal"]
        pieces: list[bytes] = []
        for index, block in enumerate(blocks):
            pieces.extend(_pieces(index, block))
        ended = event({"type": "message_delta", "delta": _stopped(answer)} | _usage(answer))
        return Stream(
            opening=event({"type": "message_start", "message": started}) + event({"type": "ping"}),
            pieces=tuple(pieces),
            closing=ended + event({"type": "message_stop"}) if answer.finish != "none" else b"",
        )

    def error(self, fail: Fail) -> dict[str, Any]:
        """Return an error object."""
        return {"type": "error", "error": {"type": fail.type, "message": fail.message}}

    def error_frame(self, fail: Fail) -> bytes:
        """Return an error as it comes in a stream."""
        return event(self.error(fail))


def _heard(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    results = [part["content"] for part in content if part["type"] == "tool_result"]
    return text_of(content) or (text_of(results[-1]) if results else "")


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.request.turns}",
        "type": "message",
        "role": "assistant",
        "model": answer.request.model,
    }


def _stopped(answer: Answer) -> dict[str, Any]:
    blocks = answer.blocks
    if declined := answer.text_of("refusal"):
        details = {"type": "refusal", "category": None, "explanation": declined}
        return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    called = answer.finish == "stop" and blocks and blocks[-1].kind == "call"
    return {"stop_reason": "tool_use" if called else _STOP[answer.finish], "stop_sequence": None}


def _block(block: Block) -> dict[str, Any]:
    match block.kind:
        case "reasoning":
            return {"type": "thinking", "thinking": block.text, "signature": SIGNATURE}
        case "call":
            called = orjson.loads(block.text or "{}")
            return {"type": "tool_use", "id": block.call_id, "name": block.name, "input": called}
        case _:
            return {"type": "text", "text": block.text}


def _pieces(index: int, block: Block) -> list[bytes]:
    """Return a block's frames: what opens it goes with its first piece, what ends it with the
    last.
    """
    place: dict[str, Any] = {"index": index}
    kind, name = {
        "reasoning": ("thinking_delta", "thinking"),
        "call": ("input_json_delta", "partial_json"),
    }.get(block.kind, ("text_delta", "text"))
    result = block.pieces or ("",)
    pieces = [
        event({"type": "content_block_delta"} | place | {"delta": {"type": kind, name: piece}})
        for piece in result
    ]
    pieces[0] = event({"type": "content_block_start"} | place | _opened(block)) + pieces[0]
    if block.kind == "reasoning":
        signed = {"delta": {"type": "signature_delta", "signature": SIGNATURE}}
        pieces[-1] += event({"type": "content_block_delta"} | place | signed)
    pieces[-1] += event({"type": "content_block_stop"} | place)
    return pieces


def _opened(block: Block) -> dict[str, Any]:
    match block.kind:
        case "reasoning":
            opened: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
        case "call":
            opened = {"type": "tool_use", "id": block.call_id, "name": block.name, "input": {}}
        case _:
            opened = {"type": "text", "text": ""}
    return {"content_block": opened}


def _usage(answer: Answer) -> dict[str, Any]:
    counted, caching = answer.usage, answer.request.caching
    if counted is None:
        return {}
    if caching is None:
        caching = CacheUse(counted.cached, 0, counted.input - counted.cached)
    return {
        "usage": {
            "input_tokens": caching.rest,
            "cache_creation_input_tokens": caching.written,
            "cache_read_input_tokens": caching.read,
            "output_tokens": counted.output,
        }
    }
