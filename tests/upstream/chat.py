"""Chat Completions, as OpenAI and those who copy it speak it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.upstream.answer import Answer, Block, ReadRequest, Stream, text_of
from tests.upstream.frames import DONE, data
from tests.upstream.script import Counted, Fail


class ChatWire:
    """Implements answer.Wire."""

    def parse(self, body: dict[str, Any]) -> ReadRequest:
        """Read what matters to the answer from a request's body."""
        messages = body["messages"]
        heard = [message for message in messages if message["role"] != "assistant"]
        return ReadRequest(
            model=body["model"],
            stream=bool(body.get("stream")),
            heard=text_of(heard[-1].get("content")) if heard else "",
            turns=len(messages),
            count_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        )

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the body of a whole answer."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text_of("text") or None,
            "refusal": answer.text_of("refusal") or None,
        }
        if thought := answer.text_of("reasoning"):
            message["reasoning_content"] = thought
        if calls := [block for block in answer.blocks if block.kind == "call"]:
            message["tool_calls"] = [_call(block) for block in calls]
        choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
        counted = {"usage": _usage(answer.usage)} if answer.usage else {}
        return _envelope(answer, "chat.completion") | {"choices": [choice]} | counted

    def stream(self, answer: Answer) -> Stream:
        """Return a streamed answer: the usage comes last, in a chunk without choices."""
        closing = b""
        if reason := _finish(answer):
            closing += data(_chunk(answer, {}, reason))
        if answer.usage and answer.request.count_usage:
            counted = {"choices": [], "usage": _usage(answer.usage)}
            closing += data(_envelope(answer, "chat.completion.chunk") | counted)
        return Stream(
            opening=data(_chunk(answer, {"role": "assistant", "content": ""})),
            pieces=tuple(_pieces(answer)),
            closing=closing + (DONE if answer.finish != "none" else b""),
        )

    def error(self, fail: Fail) -> dict[str, Any]:
        """Return an error object."""
        return {
            "error": {
                "message": fail.message,
                "type": fail.type,
                "param": None,
                "code": fail.code,
            }
        }

    def error_frame(self, fail: Fail) -> bytes:
        """Return an error as it comes in a stream."""
        return data(self.error(fail))


def _pieces(answer: Answer) -> Iterator[bytes]:
    """Yield each piece's chunks; what opens a function call goes with its first piece."""
    calls = count()
    for block in answer.blocks:
        if block.kind == "call":
            yield from _call_pieces(answer, block, next(calls))
        else:
            name = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
            for piece in block.pieces:
                yield data(_chunk(answer, {name[block.kind]: piece}))


def _call_pieces(answer: Answer, block: Block, index: int) -> Iterator[bytes]:
    call = {"index": index} | _call(block)
    call["function"] = {"name": block.name, "arguments": ""}
    opened = data(_chunk(answer, {"tool_calls": [call]}))
    for piece in block.pieces or ("",):
        call = {"index": index, "function": {"arguments": piece}}
        yield opened + data(_chunk(answer, {"tool_calls": [call]}))
        opened = b""


def _call(block: Block) -> dict[str, Any]:
    return {
        "id": block.call_id,
        "type": "function",
        "function": {"name": block.name, "arguments": block.text},
    }


def _finish(answer: Answer) -> str | None:
    if answer.finish == "none":
        return None
    if answer.finish == "stop" and answer.blocks and answer.blocks[-1].kind == "call":
        return "tool_calls"
    return answer.finish


def _chunk(answer: Answer, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _envelope(answer, "chat.completion.chunk") | {"choices": [choice]}


def _envelope(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.request.turns}",
        "object": kind,
        "created": 1_760_000_000,
        "model": answer.request.model,
    }


def _usage(counted: Counted) -> dict[str, Any]:
    return {
        "prompt_tokens": counted.input,
        "completion_tokens": counted.output,
        "total_tokens": counted.input + counted.output,
        "prompt_tokens_details": {"cached_tokens": counted.cached},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning},
    }
