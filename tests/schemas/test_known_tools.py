"""Tools that came before are found in a body, and what is made of them is made once.

tests/fuzz/test_known_tools.py holds what becomes of a request to what it would be without.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from app.domain.tools.known import KnownTools
from app.errors import InvalidRequest
from app.schemas.request.items.known import ItemMemory
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools.known import KnownToolsJson, ToolMemory, written_once

Json = dict[str, Any]


def tool(name: str, **more: Any) -> Json:
    return {"type": "function", "name": name, "parameters": {"type": "object"}, **more}


def body(*tools: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "tools": tools, "input": "Hi", **more}).encode()


@pytest.fixture
def memory() -> BodyMemory:
    return remembering(ToolMemory(shortest=0))


def remembering(tools: ToolMemory) -> BodyMemory:
    """Return a memory of tools alone."""
    return BodyMemory(ItemMemory(0), tools)


def is_known(memory: BodyMemory, raw: bytes, account: str = "acme") -> bool:
    """Tell whether the tools of a body came before; its value is the same anyway."""
    split = memory.split(account, raw)
    parsed = split.parsed()
    assert parsed == json.loads(raw)
    assert split.memory > 0
    return type(parsed.get("tools")) is KnownToolsJson


def test_what_has_come_twice_is_known(memory: BodyMemory) -> None:
    tools = tool("look_up", description="x" * 300), tool("write")
    raw = body(*tools)
    assert [is_known(memory, raw) for _ in range(4)] == [False, True, True, True]
    assert not is_known(memory, raw, "rival")
    assert is_known(memory, body(*tools, temperature=1))


@pytest.mark.parametrize(
    "tools",
    [
        [tool("same"), tool("same")],
        [{"type": "web_search"}],
        [],
        ["none"],
        [tool(f"name{number}") for number in range(2000)],
    ],
    ids=["twice", "hosted", "none", "nonsense", "many"],
)
def test_what_is_not_plain_is_read_anew_each_time(memory: BodyMemory, tools: list[Any]) -> None:
    assert not any(is_known(memory, body(*tools)) for _ in range(3))


def test_short_ones_are_not_worth_it() -> None:
    memory = remembering(ToolMemory())
    assert not any(is_known(memory, body(tool("x"))) for _ in range(3))


def test_tools_are_only_where_they_stand_by_themselves(memory: BodyMemory) -> None:
    raw = json.dumps({"model": "m", "metadata": {"tools": [tool("x")]}}).encode()
    for _ in range(3):
        assert memory.parse("acme", raw) == json.loads(raw)


@pytest.mark.parametrize("raw", [b'{"tools": [', b'{"tools": [{"a": "', b'{"tools": []'])
def test_what_has_no_end_is_refused(memory: BodyMemory, raw: bytes) -> None:
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            memory.parse("acme", raw)


def test_there_is_room_for_so_much() -> None:
    small = remembering(ToolMemory(most_bytes=5000, shortest=0))
    for number in range(30):
        raw = body(tool(f"tool_{number}"))
        assert [is_known(small, raw) for _ in range(2)] == [False, True]
        assert 0 < small.tools.cache.size <= 5000


def test_of_arrays_that_begin_alike_a_few_are_known(memory: BodyMemory) -> None:
    alike = [body(tool("x", description=f"{'y' * 300} {number}")) for number in range(6)]
    for raw in alike:
        is_known(memory, raw)
        is_known(memory, raw)
    assert is_known(memory, alike[-1])
    assert memory.tools.cache.size < 12 * len(alike[0]) * len(alike)


def test_json_of_known_tools_is_written_once(memory: BodyMemory) -> None:
    raw = body(tool("look_up"))
    assert not is_known(memory, raw)
    tools = memory.parse("acme", raw)["tools"].tools
    assert type(tools) is KnownTools
    made: list[str] = []

    def make() -> list[Any]:
        made.append("once")
        return [{"name": each.name} for each in tools]

    written = [orjson.dumps(written_once(tools, "key", None, make)) for _ in range(2)]
    assert written == [b'[{"name":"look_up"}]'] * 2
    assert made == ["once"]
    assert written_once(tuple(tools), "key", None, make) == [{"name": "look_up"}]
