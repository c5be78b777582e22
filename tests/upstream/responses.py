"""Responses, as OpenAI speaks it upstream of us."""

from __future__ import annotations

from itertools import count
from typing import Any

from tests.upstream.answer import Answer, Block, ReadRequest, Stream, text_of
from tests.upstream.frames import event
from tests.upstream.script import Counted, Fail

SEALED = "b3BhcXVlLWZyb20tdGhlLXRlc3QtYmVk"

TOOL_USAGE = {"web_search": {"num_requests": 2}}

_ENDS = {
    "stop": ("completed", None),
    "length": ("incomplete", {"reason": "max_output_tokens"}),
    "content_filter": ("incomplete", {"reason": "content_filter"}),
    "none": ("in_progress", None),
}


class ResponsesWire:
    """Implements answer.Wire."""

    def parse(self, body: dict[str, Any]) -> ReadRequest:
        """Read what matters to the answer from a request's body."""
        given = body["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        heard = [item for item in items if _is_heard(item)]
        return ReadRequest(
            model=body["model"],
            stream=bool(body.get("stream")),
            heard=text_of(heard[-1].get("content") or heard[-1].get("output")) if heard else "",
            turns=len(items) + (1 if body.get("instructions") else 0),
            sealed="reasoning.encrypted_content" in (body.get("include") or ()),
        )

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the body of a whole answer."""
        items = _items(answer)
        return _response(answer, [_item(answer, index, group) for index, group in items])

    def stream(self, answer: Answer) -> Stream:
        """Return a streamed answer, every bracket of it."""
        return _Stream(answer).stream()

    def error(self, fail: Fail) -> dict[str, Any]:
        """Return an error object."""
        return {"error": _error(fail)}

    def error_frame(self, fail: Fail) -> bytes:
        """Return an error as it comes in a stream: the nested form that OpenAI sends."""
        return event({"type": "error", "sequence_number": 2, "error": _error(fail)})


class _Stream:
    """Numbers the events of one answer; what opens an item goes with its first piece."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._numbers = count()

    def stream(self) -> Stream:
        started = _response(self._answer, [], running=True)
        opening = self._event("response.created", response=started)
        opening += self._event("response.in_progress", response=started)
        pieces: list[bytes] = []
        for index, group in _items(self._answer):
            pieces.extend(self._item(index, group))
        status = _ENDS[self._answer.finish][0]
        ended = ResponsesWire().whole(self._answer)
        result = self._answer.finish != "none"
        closing = self._event(f"response.{status}", response=ended) if result else b""
        return Stream(opening, tuple(pieces), closing)

    def _item(self, index: int, group: list[Block]) -> list[bytes]:
        shown = _item(self._answer, index, group)
        opened = shown | _EMPTY.get(shown["type"], {})
        if "status" in shown:
            opened |= {"status": "in_progress"}
        added = self._event("response.output_item.added", output_index=index, item=opened)
        pieces = [
            piece
            for part, block in enumerate(group)
            for piece in self._part(index, shown["id"], part, block)
        ]
        pieces[0] = added + pieces[0]
        pieces[-1] += self._event("response.output_item.done", output_index=index, item=shown)
        return pieces

    def _part(self, index: int, item_id: str, part: int, block: Block) -> list[bytes]:
        place: dict[str, Any] = {"item_id": item_id, "output_index": index}
        if block.item is not None:
            happens = (self._event(each["type"], **place, **_rest(each)) for each in block.events)
            return [*happens] or [b""]
        if block.kind == "reasoning":
            place["summary_index"] = part
        elif block.kind != "call":
            place["content_index"] = part
        is_custom = block.type == "custom_tool_call"
        kind = "custom_tool_call_input" if is_custom else _EVENTS[block.kind]
        opened = self._bracket(block, "added", place, {"text": "", "refusal": ""})
        pieces = [
            self._event(f"response.{kind}.delta", **place, delta=piece) for piece in block.pieces
        ]
        pieces = pieces or [b""]
        pieces[0] = opened + pieces[0]
        body = {"input" if is_custom else _FIELD[block.kind]: block.text}
        pieces[-1] += self._event(f"response.{kind}.done", **place, **body)
        pieces[-1] += self._bracket(block, "done", place, {})
        return pieces

    def _bracket(
        self, block: Block, end: str, place: dict[str, Any], blank: dict[str, str]
    ) -> bytes:
        if block.kind == "call":
            return b""
        shown = _part(block)
        shown |= {name: value for name, value in blank.items() if name in shown}
        kind = "reasoning_summary_part" if block.kind == "reasoning" else "content_part"
        return self._event(f"response.{kind}.{end}", **place, part=shown)

    def _event(self, kind: str, **changes: Any) -> bytes:
        return event({"type": kind, "sequence_number": next(self._numbers)} | changes)


_EVENTS = {
    "text": "output_text",
    "refusal": "refusal",
    "reasoning": "reasoning_summary_text",
    "call": "function_call_arguments",
}
_FIELD = {"text": "text", "refusal": "refusal", "reasoning": "text", "call": "arguments"}
_EMPTY: dict[str, dict[str, Any]] = {
    "message": {"content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
}


def _rest(happens: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in happens.items() if name != "type"}


def _is_heard(item: dict[str, Any]) -> bool:
    if item.get("type", "message") == "message":
        return bool(item["role"] != "assistant")
    return item["type"] in ("function_call_output", "custom_tool_call_output")


def _items(answer: Answer) -> list[tuple[int, list[Block]]]:
    """Group the blocks into items: text and refusal share a message."""
    groups: list[list[Block]] = []
    for block in answer.blocks:
        shared = block.kind in ("text", "refusal")
        if shared and groups and groups[-1][0].kind in ("text", "refusal"):
            groups[-1].append(block)
        else:
            groups.append([block])
    return list(enumerate(groups))


def _item(answer: Answer, index: int, group: list[Block]) -> dict[str, Any]:
    first = group[0]
    status = "incomplete" if _ENDS[answer.finish][0] == "incomplete" else "completed"
    match first.kind:
        case "reasoning":
            shown = {
                "id": f"rs_{index}",
                "type": "reasoning",
                "summary": [_part(block) for block in group],
            }
            return shown | ({"encrypted_content": SEALED} if answer.request.sealed else {})
        case "call" if first.item is not None and "id" in first.item:
            return first.item
        case "call" if first.item is not None:
            return {"id": f"item_{index}", "status": status, "call_id": first.call_id} | first.item
        case "call":
            is_custom = first.type == "custom_tool_call"
            return {
                "id": f"{'ctc' if is_custom else 'fc'}_{index}",
                "type": first.type,
                "status": status,
                "call_id": first.call_id,
                "name": first.name,
                "input" if is_custom else "arguments": first.text,
            } | ({"namespace": first.namespace} if first.namespace else {})
        case _:
            return {
                "id": f"msg_{index}",
                "type": "message",
                "role": "assistant",
                "status": status,
                "content": [_part(block) for block in group],
            }


def _part(block: Block) -> dict[str, Any]:
    match block.kind:
        case "reasoning":
            return {"type": "summary_text", "text": block.text}
        case "refusal":
            return {"type": "refusal", "refusal": block.text}
        case _:
            return {"type": "output_text", "text": block.text, "annotations": [], "logprobs": []}


def _response(
    answer: Answer, output: list[dict[str, Any]], *, running: bool = False
) -> dict[str, Any]:
    status, incomplete = ("in_progress", None) if running else _ENDS[answer.finish]
    return {
        "id": f"resp_upstream{answer.request.turns}",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "error": None,
        "incomplete_details": incomplete,
        "model": answer.request.model,
        "output": output,
        "service_tier": "default",
        "store": False,
        "usage": None if running or answer.usage is None else _usage(answer.usage),
    } | ({} if running or not _runs_tools(answer) else {"tool_usage": TOOL_USAGE})


def _runs_tools(answer: Answer) -> bool:
    return any(block.events for block in answer.blocks)


def _usage(counted: Counted) -> dict[str, Any]:
    return {
        "input_tokens": counted.input,
        "input_tokens_details": {"cached_tokens": counted.cached},
        "output_tokens": counted.output,
        "output_tokens_details": {"reasoning_tokens": counted.reasoning},
        "total_tokens": counted.input + counted.output,
    }


def _error(fail: Fail) -> dict[str, Any]:
    return {"type": fail.type, "code": fail.code, "message": fail.message, "param": None}
