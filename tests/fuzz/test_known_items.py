"""A request whose items came before is what it would be without, and so is its refusal."""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schemas.request.items.known import ItemMemory
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools.known import ToolMemory
from tests.fuzz.bodies import broken, mutated_bodies, valid_bodies
from tests.fuzz.test_known_tools import plainly, read

THOROUGHLY = settings(max_examples=max(100, settings().max_examples), deadline=None)
FORMS: list[Any] = [orjson.dumps, lambda each: json.dumps(each, indent=1).encode()]
ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": 'é ["input": [{}]\\'},
    {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a": [1]}'},
    {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "text", "text": ""}]},
]
PIECES = [b'"input":', b',"input":', b'\\"input":', b'"input":[{"a":']
bodies: st.SearchStrategy[Any] = st.one_of(valid_bodies, mutated_bodies())


def remembering() -> BodyMemory:
    """Return a memory for which nothing is too short."""
    return BodyMemory(ItemMemory(shortest=1), ToolMemory(shortest=2))


@THOROUGHLY
@given(bodies, bodies, st.sampled_from(FORMS), st.data())
def test_what_came_before_is_read_as_it_was(
    body: Any, other: Any, form: Any, data: st.DataObject
) -> None:
    memory = remembering()
    try:
        raw = form(body)
        longer = form(_joined(body, other))
    except TypeError:
        return  # a number that this writer does not write
    for again in (raw, raw, raw, longer, data.draw(broken(longer)), longer, raw):
        assert read(memory, again) == plainly(again)


@THOROUGHLY
@given(bodies, st.sampled_from(FORMS), st.data())
def test_another_body_with_items_that_came_before_is_read_as_it_would_be(
    body: Any, form: Any, data: st.DataObject
) -> None:
    memory, array = remembering(), form(ITEMS)
    raw = b'{"model":"local/echo","input":%b}' % array
    assert read(memory, raw) == read(memory, raw) == plainly(raw)
    assert memory.split("acme", raw).items is not None
    try:
        another = form(body)
    except TypeError:
        return
    place = data.draw(st.integers(0, len(another)))
    piece = data.draw(
        st.sampled_from([b'"input":', b',"input":', b'\\"input":', b'"input":[{"a":'])
    )
    for spliced in (
        another[:place] + piece + array + another[place:],
        another.replace(b'"input":', piece + array + b',"input":'),
        another.replace(b'"input": [', b'"input": ' + array[:-1] + b","),
        another[:-1] + b',"input":' + array + b"}",
        raw[: data.draw(st.integers(0, len(raw)))],
    ):
        assert read(memory, spliced) == plainly(spliced)


def _joined(body: Any, other: Any) -> Any:
    """Return a body whose input goes on with that of another."""
    first, second = (
        each.get("input") if isinstance(each, dict) else None for each in (body, other)
    )
    if not isinstance(first, list) or not isinstance(second, list):
        return body
    return body | {"input": first + second}
