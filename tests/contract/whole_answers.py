"""Answers of upstreams, in each format, that think a little and say "hello"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

Json = dict[str, Any]
_USAGE = {"input_tokens": 3, "output_tokens": 2}


def whole_answer(path: str, payload: str) -> bytes:
    """Return the answer of the endpoint at `path`; its thoughts carry `payload`."""
    if path.endswith("/messages"):
        return orjson.dumps(_message(payload))
    if path.endswith("/responses"):
        return orjson.dumps(_response(payload))
    message = {"role": "assistant", "reasoning_content": "hm", "content": "hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"choices": [choice]})


def streamed_answer(path: str, payload: str) -> bytes:
    """Return the same as server-sent events."""
    if path.endswith("/messages"):
        return _events(_message_events(payload))
    if path.endswith("/responses"):
        return _events(_response_events(payload))
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "hm"}}]},
        {"choices": [{"index": 0, "delta": {"content": "hello"}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in chunks) + (
        b"data: [DONE]\n\n"
    )


def _events(events: Iterable[Json]) -> bytes:
    lines = (
        b"event: %b\ndata: %b\n\n" % (each["type"].encode(), orjson.dumps(each)) for each in events
    )
    return b"".join(lines)


def _message(payload: str) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": payload},
            {"type": "text", "text": "hello"},
        ],
        "stop_reason": "end_turn",
        "usage": _USAGE,
    }


def _message_events(payload: str) -> Iterable[Json]:
    yield {"type": "message_start", "message": {**_message(payload), "content": []}}
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    for index, block, deltas in (
        (
            0,
            thinking,
            (
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": payload},
            ),
        ),
        (1, {"type": "text", "text": ""}, ({"type": "text_delta", "text": "hello"},)),
    ):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE}
    yield {"type": "message_stop"}


def _response(payload: str) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [
            {
                "id": "rs_1",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": payload,
            },
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "hello", "annotations": []}],
            },
        ],
        "usage": {**_USAGE, "total_tokens": 5},
    }


def _response_events(payload: str) -> Iterable[Json]:
    response = _response(payload)
    yield {"type": "response.created", "response": {**response, "output": [], "usage": None}}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": response}
