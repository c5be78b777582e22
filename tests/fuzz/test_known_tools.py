"""A request whose tools came before is what it would be without, and so is its refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.request import CreateRequest, ModelRequest
from app.domain.tools.known import KnownTools
from app.errors import GatewayError
from app.providers.openai_chat.format import ChatFormat
from app.providers.openai_responses.format import ResponsesFormat
from app.providers.profiles.choice import PROFILES
from app.schemas.field import ReadContext
from app.schemas.request.body import parse_json
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.request.items.known import ItemMemory
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools import known
from app.schemas.request.tools.known import ToolMemory
from app.schemas.wire.echo import echo
from tests.fuzz.bodies import broken, mutated_bodies, valid_bodies

THOROUGHLY = settings(max_examples=max(100, settings().max_examples), deadline=None)
FORMATS = (ChatFormat(), ResponsesFormat())

WORDS = 'é ["]\\' * 40
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": name, "parameters": {"type": "object"}, "description": WORDS}
    for name in ("look_up", "write")
]
BODY: dict[str, Any] = {"model": "local/echo", "input": "Hi", "tools": TOOLS}
bodies: st.SearchStrategy[Any] = st.one_of(valid_bodies, mutated_bodies())


def remembering(tools: ToolMemory) -> BodyMemory:
    """Return a memory of tools alone."""
    return BodyMemory(ItemMemory(0), tools)


def judged(body: Any) -> tuple[Any, ...]:
    """Return all that becomes of a body: its faults, or what is asked, shown and ignored."""
    notes = ReadContext(drops_unsupported=True)
    try:
        request = CREATE_REQUEST.load(body, context=notes)
    except GatewayError as fault:
        return type(fault), fault.code, fault.message, fault.param, notes
    return request, notes, orjson.dumps(echo(request)), *map(orjson.dumps, sent(request))


def sent(request: CreateRequest) -> list[Any]:
    """Return what upstreams of each format and profile are sent of the tools alone."""
    model = ModelRequest(model="m", items=(), parameters=request.parameters, stream=False)
    return [each.to_upstream(model, profile) for profile in PROFILES.values() for each in FORMATS]


def read(memory: BodyMemory, raw: bytes, account: str = "acme") -> tuple[Any, ...]:
    """Return what becomes of the bytes of a body that goes through a memory."""
    try:
        return judged(memory.parse(account, raw))
    except GatewayError as fault:
        return type(fault), fault.code, fault.message


def plainly(raw: bytes) -> tuple[Any, ...]:
    """Return what becomes of them without."""
    try:
        return judged(parse_json(raw))
    except GatewayError as fault:
        return type(fault), fault.code, fault.message


def is_known(memory: BodyMemory, raw: bytes, account: str = "acme") -> bool:
    """Tell whether the tools of a body come out of the memory."""
    request = CREATE_REQUEST.load(memory.parse(account, raw))
    return type(request.parameters.tools) is KnownTools


@THOROUGHLY
@given(bodies, st.data())
def test_what_came_before_is_read_as_it_was(body: Any, data: st.DataObject) -> None:
    memory = remembering(ToolMemory(shortest=2))
    form = data.draw(st.sampled_from([orjson.dumps, lambda each: json.dumps(each).encode()]))
    try:
        raw = form(body)
    except TypeError:
        return  # a number that this writer does not write
    for again in (raw, raw, raw, data.draw(broken(raw)), raw):
        assert read(memory, again) == plainly(again)


@THOROUGHLY
@given(bodies, st.data())
def test_another_body_with_tools_that_came_before_is_read_as_it_would_be(
    body: Any, data: st.DataObject
) -> None:
    memory, array = remembering(ToolMemory(shortest=2)), orjson.dumps(TOOLS)
    raw = b'{"model":"local/echo","input":"Hi","tools":%b}' % array
    assert read(memory, raw) == read(memory, raw) == plainly(raw)
    assert is_known(memory, raw)
    try:
        other = orjson.dumps(body)
    except TypeError:
        return
    place = data.draw(st.integers(0, len(other)))
    piece = data.draw(st.sampled_from([b'"tools":', b',"tools":', b'\\"tools":', b"tools"]))
    for spliced in (
        other[:place] + piece + array + other[place:],
        other.replace(b'"tools":', piece + array + b',"tools":'),
        other[:-1] + b',"tools":' + array + b"}",
    ):
        assert read(memory, spliced) == plainly(spliced)


@pytest.mark.parametrize("form", [orjson.dumps, lambda each: json.dumps(each).encode()])
def test_tools_are_known_when_they_come_again(form: Any) -> None:
    memory, raw = remembering(ToolMemory(shortest=2)), form(BODY)
    assert [is_known(memory, raw) for _ in range(3)] == [False, True, True]
    assert is_known(memory, form(BODY | {"input": "Other", "stream": True}))


def test_another_account_is_told_nothing_of_them() -> None:
    memory, raw = remembering(ToolMemory(shortest=2)), orjson.dumps(BODY)
    assert [is_known(memory, raw) for _ in range(2)] == [False, True]
    assert not is_known(memory, raw, "other")


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "mcp", "server_label": "s", "server_url": "https://a.example", "headers": {}},
        {"type": "function", "name": "look_up"},
        {"type": "custom", "name": "shell"},
        {"type": "function", "name": "a b"},
    ],
)
def test_tools_of_which_one_is_not_plain_are_read_anew(tool: dict[str, Any]) -> None:
    memory, raw = (
        remembering(ToolMemory(shortest=2)),
        orjson.dumps(BODY | {"tools": [*TOOLS, tool]}),
    )
    assert [type(memory.parse("acme", raw)["tools"]) for _ in range(5)] == [list] * 5


def test_nothing_stays_of_tools_with_a_secret() -> None:
    memory = remembering(ToolMemory(shortest=2))
    tool = {"type": "mcp", "server_label": "s", "headers": {"Authorization": "Bearer hunter2"}}
    for _ in range(3):
        memory.parse("acme", orjson.dumps(BODY | {"tools": [tool]}))
    assert not memory.tools.cache.entries
    assert list(memory.tools.expected.counts) == [("acme", ANY)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"m","tools":%b,"tools":[]}',
        b'{"model":"m","input":[{"tools":%b}]}',
        b'{"model":"m","input":{"tools":%b},"tools":"x"}',
        b'{"model":"m","x\\"tools":%b}',
        b'[{"tools":%b}]',
        b'{"tools":%b',
    ],
)
def test_tools_elsewhere_are_not_the_requests(raw: bytes) -> None:
    memory, array = remembering(ToolMemory(shortest=2)), orjson.dumps(TOOLS)
    for _ in range(2):
        memory.parse("acme", orjson.dumps(BODY))
    assert read(memory, raw % array) == plainly(raw % array)


def test_a_text_without_an_end_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[bytes] = []

    def tokens(raw: bytes, start: int, end: int) -> Iterator[re.Match[bytes]]:
        for token in find(raw, start, end):
            looked_at.append(token[0])
            yield token

    find = known._token
    monkeypatch.setattr(known, "_token", tokens)
    monkeypatch.setattr(known, "_LONGEST", 2000)
    array = b'["' + b'\\"' * 2000 + b'"]'
    memory = remembering(ToolMemory(shortest=2))
    for _ in range(2):
        memory.split("acme", b'{"tools":%b}' % array)
    assert b"".join(looked_at) == array[:2000]


def test_what_is_not_needed_is_forgotten() -> None:
    kinds = [
        [tool | {"description": word * 150} for tool in TOOLS] for word in ("one", "two", "six")
    ]
    first, second, third = (orjson.dumps(BODY | {"tools": tools}) for tools in kinds)
    most_bytes = 30 * len(orjson.dumps(kinds[0]))
    memory = remembering(ToolMemory(most_bytes, shortest=2))
    for raw in (first, first, second, second, first, third, third):
        memory.parse("acme", raw)
        assert memory.tools.cache.size <= most_bytes
    assert [is_known(memory, raw) for raw in (first, third)] == [True, True]


def test_one_account_does_not_take_all_of_the_memory() -> None:
    own = orjson.dumps(BODY)
    memory = remembering(ToolMemory(30 * len(own), shortest=2))
    for _ in range(2):
        memory.parse("acme", own)
    for number in range(40):
        raw = orjson.dumps(BODY | {"tools": [{**TOOLS[0], "name": f"f{number}"}]})
        for _ in range(2):
            memory.parse("other", raw)
    assert is_known(memory, own)


def test_tools_that_differ_each_time_are_soon_looked_at_no_more() -> None:
    memory = remembering(ToolMemory(shortest=2))
    begun = [TOOLS[0] | {"parameters": {"description": "x" * 300}}]
    times = 0
    for number in range(100):
        raw = orjson.dumps(BODY | {"tools": [*begun, TOOLS[1] | {"description": f"{number}"}]})
        times += is_known(memory, raw)
    assert times < 20


def test_what_is_made_of_known_tools_is_made_once() -> None:
    memory, raw = remembering(ToolMemory(shortest=2)), orjson.dumps(BODY)
    memory.parse("acme", raw)
    first, second = (CREATE_REQUEST.load(memory.parse("acme", raw)) for _ in range(2))
    assert echo(first)["tools"] is echo(second)["tools"]
    profile = PROFILES["generic"]
    for each in FORMATS:
        bodies = [
            each.to_upstream(
                ModelRequest(model="m", items=(), parameters=one.parameters, stream=False), profile
            )
            for one in (first, replace(second, stream=True))
        ]
        assert bodies[0]["tools"] is bodies[1]["tools"]
