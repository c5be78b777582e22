"""Bodies for POST /v1/responses: valid ones of every kind, and what mutation makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_texts = st.text(max_size=12)
_names = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
_statuses = st.sampled_from([None, "in_progress", "completed", "incomplete"])
_ids = st.sampled_from([None, "", "msg_1", "fc_1"])
_calls = st.sampled_from(["call_1", "call_2"])
_free = st.dictionaries(_texts, st.one_of(_texts, st.integers(-5, 5), st.none()), max_size=2)


def _object(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


def _typed(kind: str, optional: dict[str, Any] | None = None, /, **required: Any) -> Any:
    return _object({"type": st.just(kind)} | required, optional or {})


_requested = st.one_of(
    _typed("input_text", text=_texts),
    _typed("text", text=_texts),
    _typed(
        "input_image",
        {"detail": st.sampled_from([None, "auto", "low"])},
        image_url=st.sampled_from(["https://a.example/b.png", "data:image/png;base64,AAAA"]),
    ),
    _typed("input_image", file_id=_names),
    _typed("input_file", {"filename": _texts}, file_data=st.just("AAAA")),
    _typed("input_file", file_url=st.just("https://a.example/b.pdf")),
)
_said = st.one_of(
    _typed(
        "output_text",
        {"annotations": st.lists(_free, max_size=2), "logprobs": st.lists(_free, max_size=2)},
        text=_texts,
    ),
    _typed("refusal", refusal=_texts),
    _typed("input_text", text=_texts),
)
_beside = {"id": _ids, "status": _statuses, "type": st.sampled_from([None, "message"])}
_items = st.one_of(
    _object(
        {
            "role": st.sampled_from(["user", "system", "developer"]),
            "content": st.one_of(_texts, st.lists(_requested, max_size=2)),
        },
        _beside,
    ),
    _object(
        {
            "role": st.just("assistant"),
            "content": st.one_of(_texts, st.lists(_said, max_size=2)),
        },
        _beside | {"phase": st.sampled_from([None, "commentary", "final_answer"])},
    ),
    _typed(
        "function_call",
        {"id": _ids, "status": _statuses},
        call_id=_calls,
        name=_names,
        arguments=_texts,
    ),
    _typed(
        "function_call_output",
        {"id": _ids, "status": _statuses},
        call_id=_calls,
        output=st.one_of(_texts, st.lists(_requested, max_size=2)),
    ),
    _typed(
        "reasoning",
        {
            "id": _ids,
            "content": st.lists(_typed("reasoning_text", text=_texts), max_size=2),
            "encrypted_content": _texts,
        },
        summary=st.lists(_typed("summary_text", text=_texts), max_size=2),
    ),
    _object({"id": st.just("msg_1")}, {"type": st.sampled_from([None, "item_reference"])}),
)
_tools = st.lists(
    _typed(
        "function",
        {
            "description": st.none() | _texts,
            "parameters": st.none() | _free,
            "strict": st.none() | st.booleans(),
        },
        name=_names,
    ),
    max_size=2,
    unique_by=lambda tool: tool["name"],
)
_format = st.one_of(
    _typed("text"),
    _typed("json_object"),
    _typed("json_schema", {"strict": st.booleans()}, name=_names, schema=_free),
    _typed("json_schema", json_schema=_object({"name": _names, "schema": _free}, {})),
)
_efforts = st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh"])
_parameters: dict[str, Any] = {
    "instructions": st.none() | _texts,
    "max_output_tokens": st.none() | st.integers(16, 1000),
    "max_tool_calls": st.integers(1, 9),
    "temperature": st.none() | st.floats(0, 2) | st.integers(0, 2),
    "top_p": st.floats(0, 1),
    "presence_penalty": st.floats(-2, 2),
    "frequency_penalty": st.floats(-2, 2),
    "top_logprobs": st.integers(0, 20),
    "tools": _tools,
    "tool_choice": st.sampled_from([None, "auto", "none"]),
    "parallel_tool_calls": st.booleans(),
    "stream": st.booleans(),
    "stream_options": _object({}, {"include_obfuscation": st.booleans()}),
    "store": st.just(True),
    "previous_response_id": st.sampled_from([None, "resp_1"]),
    "reasoning": _object({}, {"effort": _efforts, "summary": st.sampled_from(["auto", None])}),
    "text": _object({}, {"format": _format, "verbosity": st.sampled_from(["low", None])}),
    "metadata": st.dictionaries(_texts, _texts, max_size=3),
    "truncation": st.sampled_from([None, "auto", "disabled"]),
    "user": _texts,
    "safety_identifier": _texts,
    "prompt_cache_key": _texts,
    "service_tier": st.sampled_from([None, "auto", "default", "flex", "priority"]),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "include": st.lists(st.sampled_from(["reasoning.encrypted_content"]), max_size=1),
    "client_metadata": _free,
}
valid_bodies: st.SearchStrategy[dict[str, Any]] = _object(
    {
        "model": st.just("local/echo"),
        "input": st.one_of(_texts, st.lists(_items, min_size=1, max_size=4)),
    },
    _parameters,
)


def _nested(levels: int) -> Any:
    deep: Any = []
    for _ in range(levels):
        deep = {"a": [deep]}
    return deep


_odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 15, 2**31, 2**63, 2**64 - 1, 10**300, 0.0, -0.0, 1e308, 5.0]),
    st.floats(allow_nan=True),
    st.text(),
    st.sampled_from(["", "\x00", "\u2028", "😀", "true", "5", "function", "message", "x" * 100]),
    st.sampled_from(["web_search", "custom", "custom_tool_call", "input_audio", "resp_é"]),
    st.builds(_nested, st.sampled_from([1, 49, 50, 51, 120])),
    st.lists(st.none(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
_keys = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["type", "id", "role", "content", "name", "function", "conversation", "tools"]),
)


def paths(value: object, here: Path = ()) -> Iterator[Path]:
    """Yield the path of everything inside a JSON value."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, each in inside:
        yield (*here, key)
        yield from paths(each, (*here, key))


@st.composite
def mutated_bodies(draw: st.DrawFn) -> Any:
    """Return a valid body with one to three things replaced, removed, repeated or added."""
    mutated: Any = deepcopy(draw(valid_bodies))
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([*paths(mutated)] or [("model",)]))
        place = mutated
        for key in above:
            place = place[key]
        _mutate(draw, place, last)
    return mutated


def _mutate(draw: st.DrawFn, place: Any, key: Any) -> None:
    match draw(st.sampled_from(["replace", "remove", "repeat", "add"])):
        case "remove" if isinstance(place, list) or key in place:
            del place[key]
        case "repeat" if isinstance(place, list):
            place.append(deepcopy(place[key]))
        case "add" if isinstance(place, dict):
            place[draw(_keys)] = draw(_odd)
        case _:
            place[key] = draw(_odd)


_snippets = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"NaN", b"\\ud800", b"\\u0000", b"\x00", b"[" * 2000, b'{"a":', b"1e999"]),
    st.sampled_from([b"1" * 400, b'"', b",", b"}", b"\xef\xbb\xbf", b"-", b'"model":5,']),
)


@st.composite
def broken(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return the bytes with a few of them replaced."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 4)))
        whole = whole[:start] + draw(_snippets) + whole[end:]
    return whole
