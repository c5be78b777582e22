"""Items that came before are found in a body, and what comes behind them is learned.

tests/fuzz/test_known_items.py holds what becomes of a request to what it would be without.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from app import sized_cache
from app.errors import GatewayError, InvalidRequest
from app.schemas.request.body import parse_json
from app.schemas.request.bounds import MOST_ITEMS
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.request.items import known, raw_items
from app.schemas.request.items.known import SPAN_S, ItemMemory, KnownItemsJson
from app.schemas.request.json_body.memory import memory_of
from app.schemas.request.known_parts import BodyMemory
from app.schemas.request.tools.known import ToolMemory

Json = dict[str, Any]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def history(steps: int, name: str = "look_up") -> list[Json]:
    """Return an agent's input after so many steps."""
    items: list[Json] = [{"role": "user", "content": f"Find {name}: " + "w" * 300}]
    for number in range(steps):
        call_id = f"call_{number}"
        items += [
            {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"},
            {"type": "function_call_output", "call_id": call_id, "output": f"{number} é \\ }}] "},
        ]
    return items


def body(items: list[Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "input": items, **more}).encode()


def remembering(most_bytes: int = known.MOST_BYTES, shortest: int = 1, **more: Any) -> BodyMemory:
    return BodyMemory(ItemMemory(most_bytes, shortest, **more), ToolMemory())


@pytest.fixture
def memory() -> BodyMemory:
    return remembering()


def count(memory: BodyMemory, raw: bytes, account: str = "acme") -> int:
    """Return how many of a body's items are known; what is made of it is the same anyway."""
    split = memory.split(account, raw)
    assert split.memory >= 0.9 * memory_of(raw)
    parsed = split.parsed()
    assert CREATE_REQUEST.load(parsed) == CREATE_REQUEST.load(parse_json(raw))
    given = parsed["input"]
    return len(given.items) if type(given) is KnownItemsJson else 0


def test_what_has_come_twice_is_known(memory: BodyMemory) -> None:
    raw = body(history(5))
    assert [count(memory, raw) for _ in range(3)] == [0, 11, 11]
    assert count(memory, raw, "rival") == 0
    assert count(memory, body(history(5), temperature=1, store=False)) == 11


def test_an_agents_steps_are_learned_as_they_come(memory: BodyMemory) -> None:
    assert [count(memory, body(history(steps))) for steps in range(1, 6)] == [0, 5, 7, 9, 11]
    assert len(memory.items.cache.entries) == 1


def test_items_are_known_whatever_comes_around_them(memory: BodyMemory) -> None:
    for _ in range(2):
        count(memory, body(history(3)))
    tools = [{"type": "function", "name": "f", "parameters": {"properties": {"input": {}}}}]
    raw = json.dumps({"tools": tools, "stream": True, "input": history(4), "model": "m"}).encode()
    assert count(memory, raw) == 9


def test_of_inputs_that_differ_at_their_ends_the_beginning_is_known(memory: BodyMemory) -> None:
    now = {"role": "user", "content": "It is 10:00."}
    then = {"role": "user", "content": "It is 10:05."}
    assert [count(memory, body([*history(3), now])) for _ in range(2)] == [0, 8]
    assert count(memory, body([*history(3), then])) == 8  # of which one is new
    memory.items.expected.counts.clear()
    assert count(memory, body([*history(3), now | {"content": "It is 10:10."}])) == 7


def test_what_differs_each_time_is_soon_learned_no_more(memory: BodyMemory) -> None:
    for number in range(100):
        question = {"role": "user", "content": f"{number}" * 1000}
        assert count(memory, body([history(0)[0], question])) in (0, 1, 2)
    assert len(memory.items.cache.entries) < 20


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/b"}]},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "more": [[[[]]]]},
    ],
    ids=["picture", "reference", "deep"],
)
def test_items_are_known_as_far_as_they_are_plain(memory: BodyMemory, item: Json) -> None:
    raw = body([*history(2), item, *history(3, "again")])
    assert [count(memory, raw) for _ in range(4)] == [0, 5, 5, 5]


@pytest.mark.parametrize("place", [b'"input":', b"["])
def test_a_body_of_spaces_is_not_looked_through(place: bytes) -> None:
    for count, start in ((256, len(b'{"input":[') + 256), (257, -1)):
        raw = b'{"input":[{}]}'.replace(place, place + b" " * count)
        assert raw_items.first_item(raw) == start


@pytest.mark.parametrize(
    "given",
    ["Hi " * 100, [], {"role": "user", "content": "Hi"}, ["Hi"], [[{"role": "user"}]]],
    ids=["text", "none", "object", "texts", "array"],
)
def test_other_inputs_are_what_they_were(memory: BodyMemory, given: Any) -> None:
    raw = json.dumps({"model": "m", "input": given}).encode()
    for _ in range(3):
        assert memory.parse("acme", raw) == json.loads(raw)


@pytest.mark.parametrize(
    "items",
    [
        [{"type": "function_call", "call_id": "c", "name": 7}],
        [{"type": "compaction_trigger"}, *history(1, "again")],
    ],
    ids=["field", "trigger"],
)
def test_the_faults_of_what_is_new_are_named_where_they_are(
    memory: BodyMemory, items: list[Json]
) -> None:
    for _ in range(2):
        count(memory, body(history(3)))
    raw = body([*history(3), *items])
    refused = outcome(lambda raw: CREATE_REQUEST.load(memory.parse("acme", raw)), raw)
    assert "input[7]" in refused[1]
    assert refused == outcome(lambda raw: CREATE_REQUEST.load(parse_json(raw)), raw)


def test_known_items_count(memory: BodyMemory) -> None:
    for _ in range(2):
        count(memory, body(history(3)))
    raw = body([*history(3), *history(0) * MOST_ITEMS])
    refused = outcome(lambda raw: CREATE_REQUEST.load(memory.parse("acme", raw)), raw)
    assert f"has {MOST_ITEMS + 7} elements" in refused[0]


@pytest.mark.parametrize(
    "form",
    [
        b'{"model":"m","input":%b,"input":"Hi"}',
        b'{"model":"m","metadata":{"input":%b},"input":"Hi"}',
        b'{"model":"m","input":[%b]}',
        b'{"input":%b',
        b'[{"input":%b}]',
        b'{"a":"\\"input\\":%b"}',
        b'{"input":%b "model":"m"}',
    ],
)
def test_items_elsewhere_are_not_the_inputs(memory: BodyMemory, form: bytes) -> None:
    raw = body(history(3))
    for _ in range(2):
        count(memory, raw)
    array = json.dumps(history(3)).encode()
    for other in (form % array, form % array[:-1], form.replace(b"%b", array[:-1] + b",7]")):
        assert outcome(lambda raw: memory.parse("acme", raw), other) == outcome(parse_json, other)


def outcome(parse: Callable[[bytes], Any], raw: bytes) -> Any:
    """Return the value of a body's JSON, or what is wrong with it."""
    try:
        return parse(raw)
    except GatewayError as fault:
        return fault.message, fault.param


def test_short_ones_are_not_worth_it() -> None:
    memory = remembering(shortest=known.SHORTEST)
    assert [count(memory, body(history(3))) for _ in range(3)] == [0, 0, 0]
    raw = body([{"role": "user", "content": "w" * known.SHORTEST}, *history(1)])
    assert [count(memory, raw) for _ in range(2)] == [0, 4]
    assert [count(remembering(0), raw) for _ in range(3)] == [0, 0, 0]


def test_nothing_is_remembered_of_a_private_body(memory: BodyMemory) -> None:
    for _ in range(3):
        raw = body(history(3, "hunter2"), tools=[{"type": "function", "name": "f" * 60}] * 20)
        memory.split("acme", raw, is_private=True)
    assert not memory.items.cache.size
    assert not memory.items.expected.counts
    assert not memory.tools.expected.counts


def test_what_nobody_sends_is_forgotten() -> None:
    clock = Clock()
    memory = remembering(clock=clock)
    for name in ("first", "second"):
        for _ in range(2):
            count(memory, body(history(3, name)))
    clock.now = SPAN_S
    assert count(memory, body(history(3, "first"))) == 7
    clock.now += 1
    for _ in range(2):
        count(memory, body(history(3, "third")))
    names = {each.items[1].name for each in memory.items.cache.entries}  # type: ignore[union-attr]
    assert names == {"first", "third"}


def size_of(items: list[Json]) -> int:
    """Return what is taken to remember items."""
    memory = remembering()
    for _ in range(2):
        count(memory, body(items))
    return memory.items.cache.size


def test_there_is_room_for_so_much() -> None:
    size = size_of(history(3))
    memory = remembering(10 * size)
    for number in range(30):
        raw = body(history(3, f"tool_{number}"))
        assert [count(memory, raw, f"account_{number % 5}") for _ in range(2)] == [0, 7]
        assert 0 < memory.items.cache.size <= 10 * size
    assert memory.items.cache.size > 8 * size
    assert memory.items.cache.size == sum(each.size for each in memory.items.cache.entries)


def test_an_account_has_half_of_the_room_at_most() -> None:
    size = size_of(history(3))
    memory = remembering(10 * size)
    own = body(history(3))
    for _ in range(2):
        count(memory, own)
    for number in range(30):
        for _ in range(2):
            count(memory, body(history(3, f"tool_{number}")), "rival")
    assert count(memory, own) == 7
    assert memory.items.cache._sizes["rival"] <= 5 * size


def test_what_is_too_long_is_known_for_its_own_request_alone() -> None:
    memory = remembering(8 * len(body(history(30))))
    assert [count(memory, body(history(30))) for _ in range(3)] == [0, 61, 61]
    assert not memory.items.cache.size


def test_what_has_become_too_long_is_known_as_far_as_there_is_room() -> None:
    memory = remembering(4 * size_of(history(52)))
    counts = [count(memory, body(history(steps))) for steps in range(25, 60)]
    kept = memory.items.cache.entries
    assert len(kept) == 1
    length = len(next(iter(kept)).ends)
    assert counts[-6:] == [length] * 6
    assert length == 105


@pytest.mark.parametrize(
    "item",
    [{"role": "user", "content": ""}, {"role": "user", "content": "\N{GRINNING FACE}" + "w" * 500}],
    ids=["short", "wide"],
)
def test_what_is_kept_takes_no_more_memory_than_that(item: Json) -> None:
    memory = ItemMemory(4 * 1024 * 1024)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20):
            raw = json.dumps({"input": [history(0, f"{number}")[0], *[item] * 300]}).encode()
            for _ in range(2):
                memory.find("acme", raw)
        del raw
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0 < memory.cache.size <= 4 * 1024 * 1024
    assert taken < 1.2 * memory.cache.size


def test_of_many_that_begin_alike_the_latest_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_MOST_ALIKE", 3)
    monkeypatch.setattr(sized_cache, "_OFTEN", 1000)
    memory = remembering()
    alike = [body([*history(2), *history(2, f"again_{number}")]) for number in range(9)]
    for raw in alike:
        count(memory, raw)
        count(memory, raw)
    assert len(memory.items.cache.entries) == 3
    assert count(memory, alike[-1]) == 10


def test_much_is_learned_in_several_requests(
    memory: BodyMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_items, "MOST_LEARNED", 4)
    assert [count(memory, body(history(5))) for _ in range(5)] == [0, 4, 8, 11, 11]


@pytest.mark.parametrize(
    "items",
    [
        b'{"a":"' + b'\\"' * 20_000,
        b'{"a":' * 20_000,
        b'{"a":[' * 20_000,
        b'{"a":"b"' + b" " * 20_000,
        b'{"a":"b"},' * 5_000 + b" " * 20_000,
    ],
    ids=["quotes", "objects", "arrays", "spaces", "items"],
)
def test_what_has_no_end_is_refused(memory: BodyMemory, items: bytes) -> None:
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            memory.parse("acme", b'{"input":[' + items)
    assert not memory.items.cache.size
