"""What is taken straight from its keys is what its schema would have made of it."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schemas.field import ReadContext
from app.schemas.request.bounds import LONGEST_DESCRIPTION, LONGEST_SEALED, LONGEST_TEXT
from app.schemas.request.fast_path import plain_item
from app.schemas.request.items.input import read_item
from app.schemas.request.tools.field import read_tool
from app.schemas.request.tools.functions import plain_tool
from tests.fuzz.bodies import mutated_bodies, paths, valid_bodies

THOROUGHLY = settings(max_examples=max(100, settings().max_examples), deadline=None)

bodies: st.SearchStrategy[Any] = st.one_of(valid_bodies, mutated_bodies())

TEXT: dict[str, Any] = {"type": "input_text", "text": "Hi"}
SAID: dict[str, Any] = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
BESIDE: dict[str, Any] = {"id": "x_1", "status": "incomplete"}
CALL: dict[str, Any] = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
CUSTOM_CALL: dict[str, Any] = {
    "type": "custom_tool_call",
    "call_id": "c",
    "name": "f",
    "input": "ls \u2028\ud800",
}
OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "c", "output": ""}
THOUGHT: dict[str, Any] = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
}
TOOL: dict[str, Any] = {"type": "function", "name": "f", "parameters": {}}

USUAL_ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hi"},
    {"role": "developer", "content": [TEXT, TEXT | {"type": "text"}]},
    {"type": "message", "role": "assistant", "content": [SAID, TEXT]} | BESIDE,
    {"role": "user", "content": "Hi", "id": None},
    CALL,
    CALL | BESIDE,
    CALL | {"namespace": "mcp"},
    CALL | BESIDE | {"namespace": None},
    OUTPUT,
    OUTPUT | BESIDE,
    OUTPUT | {"output": [TEXT, TEXT]},
    OUTPUT | {"output": []},
    CUSTOM_CALL,
    CUSTOM_CALL | BESIDE,
    CUSTOM_CALL | {"namespace": "mcp"},
    OUTPUT | {"type": "custom_tool_call_output"},
    OUTPUT | {"type": "custom_tool_call_output"} | BESIDE,
    {"role": "assistant", "content": "Hi", "phase": "commentary"},
    THOUGHT,
    THOUGHT | BESIDE | {"content": None},
    THOUGHT | {"content": [{"type": "reasoning_text", "text": "Hm."}], "encrypted_content": "c2"},
]
USUAL_TOOLS = [TOOL, TOOL | {"description": "Looks up.", "strict": True}]


DEEP: dict[str, Any] = {}
for _ in range(100):
    DEEP = {"a": DEEP}
ODD: list[Any] = [
    *(None, True, 0, 1, 1.0, [], {}, [[]], [{}], [None], DEEP),
    *("", "a b", "é", "message", "system", "input_image", "in_progress", "function"),
    *("x" * longest for longest in (64, 65, 256, 257, 512, 513)),
]


def all_of(body: Any, name: str) -> list[Any]:
    """Return what a body has under a name, where that is an array."""
    found = body.get(name)
    return found if isinstance(found, list) else []


def agree_on_item(raw: Any) -> None:
    """Hold an item that is usual to what its schema makes of it, without a word of complaint."""
    usual, notes = plain_item(raw), ReadContext()
    if usual is not None:
        assert read_item(raw, "input[0]", notes) == usual
        assert notes == ReadContext()


def agree_on_tool(raw: Any) -> None:
    """Hold a tool that is usual to the same."""
    usual, notes = plain_tool(raw), ReadContext()
    if usual is not None:
        assert read_tool(raw, "tools[0]", notes) == usual
        assert notes == ReadContext()


def odd_ones(raw: dict[str, Any]) -> list[Any]:
    """Return what something becomes when each thing in it is odd, and when something is added."""
    odd: list[Any] = [raw | {"x": 1}, raw | {"x": None}, raw | {"type": None}]
    for (*above, last), value in product(list(paths(raw)), ODD):
        changed: Any = deepcopy(raw)
        place = changed
        for key in above:
            place = place[key]
        place[last] = value
        odd.append(changed)
    return odd


@THOROUGHLY
@given(bodies)
def test_a_usual_item_is_what_its_schema_makes_of_it(body: Any) -> None:
    for raw in all_of(body, "input"):
        agree_on_item(raw)


@THOROUGHLY
@given(bodies)
def test_a_usual_tool_is_what_its_schema_makes_of_it(body: Any) -> None:
    for raw in all_of(body, "tools"):
        agree_on_tool(raw)


@pytest.mark.parametrize("raw", USUAL_ITEMS)
def test_an_item_with_something_odd_is_what_its_schema_makes_of_it(raw: dict[str, Any]) -> None:
    for odd in odd_ones(raw):
        agree_on_item(odd)


@pytest.mark.parametrize("raw", USUAL_TOOLS)
def test_a_tool_with_something_odd_is_what_its_schema_makes_of_it(raw: dict[str, Any]) -> None:
    for odd in odd_ones(raw):
        agree_on_tool(odd)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (USUAL_ITEMS[0], "content"),
        (USUAL_ITEMS[1], "content"),
        (CALL, "arguments"),
        (CUSTOM_CALL, "input"),
        (OUTPUT, "output"),
    ],
)
def test_the_longest_text_is_usual_and_a_longer_one_is_not(raw: dict[str, Any], name: str) -> None:
    longest = "x" * LONGEST_TEXT
    assert plain_item(raw | {name: longest}) is not None
    assert plain_item(raw | {name: longest + "x"}) is None


def test_the_longest_sealed_thought_is_usual_and_a_longer_one_is_not() -> None:
    longest = "x" * LONGEST_SEALED
    assert plain_item(THOUGHT | {"encrypted_content": longest}) is not None
    assert plain_item(THOUGHT | {"encrypted_content": longest + "x"}) is None


def test_the_longest_part_and_description_are_usual_and_longer_ones_are_not() -> None:
    text, description = "x" * LONGEST_TEXT, "x" * LONGEST_DESCRIPTION
    message = USUAL_ITEMS[0]
    assert plain_item(message | {"content": [TEXT | {"text": text}]}) is not None
    assert plain_item(message | {"content": [TEXT | {"text": text + "x"}]}) is None
    assert plain_tool(TOOL | {"description": description}) is not None
    assert plain_tool(TOOL | {"description": description + "x"}) is None


@pytest.mark.parametrize("raw", USUAL_ITEMS)
def test_what_most_callers_send_is_usual(raw: dict[str, Any]) -> None:
    assert plain_item(raw) is not None


@pytest.mark.parametrize("raw", USUAL_TOOLS)
def test_tools_as_most_callers_declare_them_are_usual(raw: dict[str, Any]) -> None:
    assert plain_tool(raw) is not None
