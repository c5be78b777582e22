"""A body whose long texts are taken out of it is read as it would be by the parser alone."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import GatewayError
from app.schemas.request.body import parse_json
from app.schemas.request.items.known import ItemMemory
from app.schemas.request.json_body import long_texts as module
from app.schemas.request.json_body.long_texts import long_texts
from app.schemas.request.json_body.memory import memory_of
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools.known import ToolMemory
from tests.fuzz.bodies import broken

THOROUGHLY = settings(max_examples=max(200, settings().max_examples), deadline=None)
#: How long a text is here.
LONG = 40

pieces = st.sampled_from(
    ['"', "\\", "\n", "\x1f", "\x7f", "é", "😀", ",", ":", "[1,2]", "{}", "a" * LONG, "A+/=" * 30]
)
texts = st.lists(pieces, max_size=6).map("".join)
values = st.recursive(
    texts | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
#: What is no JSON as a rule, but looks like it.
splices = st.sampled_from(
    [b'"', b'\\"', b"\\\\", b'\\\\"', b"1," * LONG, b" " * LONG, b'":"', b'","', b"x" * LONG]
)


@pytest.fixture(autouse=True)
def _short_texts_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORTH", 0)


def outcome(read: Any, raw: bytes) -> tuple[Any, ...]:
    """Return the value of a body, or what it is refused with."""
    try:
        return ("read", read(raw))
    except GatewayError as fault:
        return type(fault), fault.code, fault.message


def apart(raw: bytes) -> Any:
    """Return what is read of a body without its long texts, once they are put back."""
    found = long_texts(raw, LONG)
    if found is None:
        return parse_json(raw)
    try:
        value = orjson.loads(found.rest)
    except orjson.JSONDecodeError:
        return parse_json(raw)
    return value if found.put_back(value) else parse_json(raw)


@THOROUGHLY
@given(values, st.booleans(), st.data())
def test_what_is_read_is_what_the_parser_reads(
    value: Any, escapes: bool, data: st.DataObject
) -> None:
    raw = json.dumps(value, ensure_ascii=escapes).encode()
    at = data.draw(st.integers(0, len(raw)))
    spliced = raw[:at] + data.draw(splices) + raw[at:]
    for each in (raw, spliced, data.draw(broken(raw))):
        assert outcome(apart, each) == outcome(parse_json, each)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"%b","a":1}',
        b'{"%b":1}',
        b'{"a":"x\\"%b"}',
        b'{"a":"x\\\\\\"%b"}',
        b'["%b"',
        b'"%b"',
        b'["","%b",""]',
        b'{"a":{"b":["x",{"c":"%b"}]},"d":"%b"}',
        b'["%b\n"]',
        b'["%b\x00%b"]',
        b'["%b\x1f"]',
        b'["%b\x7f"]',
        b'["%b\xff"]',
    ],
)
def test_a_text_in_whatever_place_is_read_as_the_parser_reads_it(raw: bytes) -> None:
    each = raw.replace(b"%b", b"a" * LONG * 2)
    assert outcome(apart, each) == outcome(parse_json, each)


def test_a_picture_is_taken_out_and_put_back() -> None:
    url = "data:image/png;base64," + "A" * LONG
    body = {"input": [{"content": [{"text": 'é "\\"'}, {"image_url": url}]}], "store": False}
    found = long_texts(orjson.dumps(body), LONG)
    assert found is not None
    assert found.memory == 2 * len(url)
    rest = orjson.loads(found.rest)
    assert len(rest["input"][0]["content"][1]["image_url"]) < LONG
    assert found.put_back(rest)
    assert rest == body


def test_a_body_is_read_as_often_as_one_wants() -> None:
    raw = b'{"input":"%b","store":false}' % (b"A" * module.LONG_TEXT)
    split = BodyMemory(ItemMemory(), ToolMemory()).split("acme", raw)
    assert split.texts is not None
    assert split.parsed() == split.parsed() == parse_json(raw)


@pytest.mark.parametrize(
    "form",
    [b'{"a":"%b","a":1}', b'{"%b":1}', b'{"a":"%b"', b'{"b":"%b","a":1,}'],
)
def test_a_body_that_has_to_be_read_whole_leaves_no_text_of_the_rest(form: bytes) -> None:
    raw = form % (b"A" * 1024 * 1024)
    tracemalloc.start()
    try:
        split = BodyMemory(ItemMemory(), ToolMemory()).split("acme", raw)
        assert split.texts is not None
        with suppress(GatewayError):
            split.parsed()
        assert tracemalloc.get_traced_memory()[0] < len(raw) // 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "form",
    [
        b'{"a":"%b","a":1}',
        b'{"%b":1}',
        b'{"a":"\\ud83d\\ude00\\"%b"}',
        '{"a":"😀\\"%b"}',
        '{"a":"é\\\\\\"%b"}',
    ],
)
def test_a_body_weighs_no_less_than_all_of_it(form: bytes | str) -> None:
    raw = (form.encode() if isinstance(form, str) else form) % (b"A" * 1024 * 1024)
    assert BodyMemory(ItemMemory(), ToolMemory()).split("acme", raw).memory >= 0.999 * memory_of(
        raw
    )


@pytest.mark.parametrize("text", ["é" * LONG, "a" * LONG + "\n", "a" * LONG + '"'])
def test_a_text_that_is_not_written_as_it_is_stays_in_the_rest(text: str) -> None:
    assert long_texts(json.dumps([text], ensure_ascii=False).encode(), LONG) is None


def test_numbers_between_texts_are_weighed_as_such() -> None:
    many = b'{"a":"x\\"",' + b'"n":[%b],"z":"\\""}' % b",".join([b"1"] * 200_000)
    assert BodyMemory(ItemMemory(), ToolMemory()).split("acme", many).memory > 10_000_000


def test_tools_that_came_before_are_known_beside_a_picture() -> None:
    memory = BodyMemory(ItemMemory(shortest=2), ToolMemory(shortest=2))
    tools = [{"type": "function", "name": "look_up", "parameters": {"type": "object"}}]
    body = {"input": "A" * module.LONG_TEXT * 2, "tools": tools}
    raw = orjson.dumps(body)
    known = [memory.split("acme", raw) for _ in range(2)][1]
    assert known.tools is not None
    assert known.texts is not None
    assert known.parsed() == body
