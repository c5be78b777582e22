"""Outputs of models, and the bytes by which servers of each format send them, whole or streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from app.settings import Api

Json = dict[str, Any]
#: Draws a value of a strategy.
Draw = Callable[[st.SearchStrategy[Any]], Any]
#: An event's name, "" for none, and its data.
Event = tuple[str, Json]

_texts = st.lists(
    st.sampled_from(
        ["Hel", "lo ", "ö", "😀", "漢", "e\u0301", "\u200d", "\u2028", "\ufeff", "\U0010ffff",
         "\x00", "\x7f", "\r\n", "\n\n", "data: [DONE]\n\n", "event: x\n", '{"a": "', '"}', "\\",
         "\\u00e9", "</think>", "<", "null", " "]
    ),
    min_size=1,
    max_size=6,
).map("".join)  # fmt: skip
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=4,
)
_arguments = st.dictionaries(_texts, _values, min_size=1, max_size=3).map(
    lambda found: json.dumps(found, ensure_ascii=False)
)
_ENDS: dict[Api, dict[str, str]] = {
    "chat_completions": {"stop": "stop", "length": "length", "filter": "content_filter"},
    "anthropic_messages": {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"},
    "responses": {"stop": "", "length": "max_output_tokens", "filter": "content_filter"},
}


@dataclass(frozen=True, slots=True)
class Item:
    """A part of an output: `text` is that of a call's arguments, too."""

    kind: Literal["thought", "text", "refusal", "call"]
    text: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What a model wrote, and why it stopped."""

    items: tuple[Item, ...]
    end: str
    tokens: tuple[int, int]


@st.composite
def outputs(draw: st.DrawFn, api: Api) -> Output:
    """Return an output that the format can carry: Chat has one place for each kind but calls."""
    if api == "chat_completions":
        kinds = ["thought"] * draw(st.integers(0, 1)) + ["text"] * draw(st.integers(0, 1))
        kinds += ["refusal"] * draw(st.integers(0, 1)) + ["call"] * draw(st.integers(0, 3))
    else:
        known = ["thought", "text", "call"] + ["refusal"] * (api == "responses")
        kinds = draw(st.lists(st.sampled_from(known), max_size=5))
    items = [
        Item("call", draw(_arguments), f"call_{at}")
        if kind == "call"
        else Item(kind, draw(_texts.filter(str.strip)))  # type: ignore[arg-type] # a sample
        for at, kind in enumerate(kinds)
    ]
    counts = st.integers(0, 10**6)
    end = draw(st.sampled_from(["stop", "stop", "length", "filter"]))
    return Output(tuple(items), end, (draw(counts), draw(counts)))


def whole(api: Api, output: Output) -> bytes:
    """Return the body of an answer that is not streamed."""
    return json.dumps(_BODIES[api](output)).encode()


def streamed(draw: Draw, api: Api, output: Output) -> list[bytes]:
    """Return the reads of a stream: texts, lines and reads are cut anywhere."""
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    lines = [draw(st.sampled_from(["", "\ufeff", f": hello{end}{end}"]))]
    for name, data in _STREAMS[api](draw, output):
        lines.append(f"event: {name}{end}" if name else "")
        lines.append(f"data: {json.dumps(data)}{end}{end}")
        lines.append(draw(st.sampled_from(["", "", f": ping{end}{end}"])))
    if api == "chat_completions":
        lines.append(f"data: [DONE]{end}{end}")
    raw = "".join(lines).encode()
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    reads = zip([0, *cuts], [*cuts, len(raw)], strict=True)
    return [raw[start:stop] for start, stop in reads]


def _pieces(draw: Draw, text: str) -> list[str]:
    """Cut a text between its UTF-16 units, as servers do that keep texts so."""
    data = text.encode("utf-16-le")
    units = [chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2)]
    cuts = draw(st.lists(st.integers(0, len(units)), max_size=6))
    if draw(st.booleans()):
        cuts += [at for at, unit in enumerate(units) if "\udc00" <= unit <= "\udfff"]
    cuts.sort()
    pieces = zip([0, *cuts], [*cuts, len(units)], strict=True)
    return ["".join(units[start:end]) for start, end in pieces]


_FIELDS = {"thought": "reasoning_content", "text": "content", "refusal": "refusal"}


def _chat_end(output: Output) -> str:
    has_calls = any(item.kind == "call" for item in output.items)
    return (
        "tool_calls"
        if has_calls and output.end == "stop"
        else _ENDS["chat_completions"][output.end]
    )


def _chat_counts(output: Output) -> Json:
    return dict(zip(("prompt_tokens", "completion_tokens"), output.tokens, strict=True))


def _chat_call(item: Item, index: int, arguments: str) -> Json:
    function = {"name": "f", "arguments": arguments}
    return {"index": index, "id": item.call_id, "type": "function", "function": function}


def _chat_body(output: Output) -> Json:
    message: Json = {"role": "assistant", "content": None}
    calls = [item for item in output.items if item.kind == "call"]
    message |= {_FIELDS[each.kind]: each.text for each in output.items if each.kind != "call"}
    message["tool_calls"] = [_chat_call(item, at, item.text) for at, item in enumerate(calls)]
    choice = {"index": 0, "message": message, "finish_reason": _chat_end(output)}
    return {"choices": [choice], "usage": _chat_counts(output)}


def _chat_stream(draw: Draw, output: Output) -> Iterator[Event]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    calls: list[list[Json]] = []
    for item in output.items:
        if item.kind != "call":
            deltas += [{_FIELDS[item.kind]: piece} for piece in _pieces(draw, item.text)]
            continue
        index = len(calls)
        later = [{"index": index, "function": {"arguments": p}} for p in _pieces(draw, item.text)]
        calls.append([_chat_call(item, index, ""), *later])
    if draw(st.booleans()):  # their pieces take turns
        longest = max(map(len, calls), default=0)
        turns = [call[at] for at in range(longest) for call in calls if at < len(call)]
    else:
        turns = [piece for call in calls for piece in call]
    deltas += [{"tool_calls": [piece]} for piece in turns]
    for delta in deltas:
        yield "", {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        if draw(st.integers(0, 9)) == 0:
            yield "", {"choices": [{"index": 1, "delta": {"content": "of another choice"}}]}
    yield "", {"choices": [{"index": 0, "delta": {}, "finish_reason": _chat_end(output)}]}
    yield "", {"choices": [], "usage": _chat_counts(output)}


def _counts(output: Output) -> Json:
    return dict(zip(("input_tokens", "output_tokens"), output.tokens, strict=True))


def _block(item: Item) -> Json:
    match item.kind:
        case "thought":
            return {"type": "thinking", "thinking": item.text, "signature": "c2ln"}
        case "text":
            return {"type": "text", "text": item.text}
        case _:
            call = {"type": "tool_use", "id": item.call_id, "name": "f"}
            return call | {"input": json.loads(item.text)}


def _messages_body(output: Output) -> Json:
    reason = _ENDS["anthropic_messages"][output.end]
    content = [_block(item) for item in output.items]
    return {"type": "message", "content": content, "stop_reason": reason, "usage": _counts(output)}


def _messages_stream(draw: Draw, output: Output) -> Iterator[Event]:
    fields = {"thought": ("thinking_delta", "thinking"), "text": ("text_delta", "text"),
              "call": ("input_json_delta", "partial_json")}  # fmt: skip
    begun = {"type": "message", "content": [], "usage": _counts(output) | {"output_tokens": 0}}
    events: list[Json] = [{"type": "message_start", "message": begun}]
    for index, item in enumerate(output.items):
        kind, name = fields[item.kind]
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        block = {key: empty.get(key, value) for key, value in _block(item).items()}
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        deltas = [{"type": kind, name: piece} for piece in _pieces(draw, item.text)]
        if item.kind == "thought":
            deltas.append({"type": "signature_delta", "signature": "c2ln"})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    reason = {"stop_reason": _ENDS["anthropic_messages"][output.end]}
    events.append({"type": "message_delta", "delta": reason, "usage": _counts(output)})
    return ((event["type"], event) for event in [*events, {"type": "message_stop"}])


def _response_item(item: Item, index: int) -> Json:
    match item.kind:
        case "thought":
            summary = [{"type": "summary_text", "text": item.text}]
            made: Json = {"type": "reasoning", "summary": summary, "encrypted_content": "c2ln"}
        case "call":
            made = {"type": "function_call", "call_id": item.call_id, "name": "f"}
            made["arguments"] = item.text
        case _:
            name = "refusal" if item.kind == "refusal" else "text"
            part = {"type": "refusal" if name == "refusal" else "output_text", name: item.text}
            made = {"type": "message", "role": "assistant", "content": [part]}
    return made | {"id": f"item_{index}", "status": "completed"}


def _response_body(output: Output) -> Json:
    items = [_response_item(item, index) for index, item in enumerate(output.items)]
    body: Json = {"status": "completed", "output": items, "usage": _counts(output)}
    if output.end != "stop":
        body |= {"status": "incomplete"}
        body["incomplete_details"] = {"reason": _ENDS["responses"][output.end]}
        if items:
            items[-1]["status"] = "incomplete"
    return body


def _response_stream(draw: Draw, output: Output) -> Iterator[Event]:
    names = {"thought": "reasoning_summary_text", "text": "output_text", "refusal": "refusal",
             "call": "function_call_arguments"}  # fmt: skip
    body = _response_body(output)
    yield "response.created", {"response": {"status": "in_progress", "output": []}}
    for index, (item, made) in enumerate(zip(output.items, body["output"], strict=True)):
        place = {"item_id": made["id"], "output_index": index, "content_index": 0}
        if item.kind == "thought":
            place |= {"summary_index": 0}
            del place["content_index"]
        empty: Json = {"content": [], "summary": [], "arguments": "", "encrypted_content": None}
        begun = {key: empty.get(key, value) for key, value in made.items()}
        yield "response.output_item.added", {"output_index": index, "item": begun}
        for piece in _pieces(draw, item.text):
            yield f"response.{names[item.kind]}.delta", {"delta": piece, **place}
        if draw(st.booleans()):
            whole_text = "arguments" if item.kind == "call" else "text"
            name = "refusal" if item.kind == "refusal" else whole_text
            yield f"response.{names[item.kind]}.done", {name: item.text, **place}
        yield "response.output_item.done", {"output_index": index, "item": made}
    shown = body | ({} if draw(st.booleans()) else {"output": []})
    yield f"response.{body['status']}", {"response": shown}


_BODIES: dict[Api, Callable[[Output], Json]] = {
    "chat_completions": _chat_body,
    "anthropic_messages": _messages_body,
    "responses": _response_body,
}
_STREAMS: dict[Api, Callable[[Draw, Output], Iterator[Event]]] = {
    "chat_completions": _chat_stream,
    "anthropic_messages": _messages_stream,
    "responses": _response_stream,
}
