"""A call that ends under another call_id than it began with is one call (vLLM's of gpt-oss)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import FunctionCall
from app.domain.stream.accumulate import fold
from tests.contract.recordings import Telling
from tests.contract.test_case_shapes import responses_streamed

Json = dict[str, Any]
OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def item(call_id: str, arguments: str = "", item_id: str | None = "fc_1", name: str = "f") -> Json:
    return {"type": "function_call", "id": item_id, "call_id": call_id, "name": name,
            "arguments": arguments}  # fmt: skip


def added(at: int, call: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": at, "item": call}


def piece(at: int, text: str, item_id: str = "fc_1") -> Json:
    kind = "response.function_call_arguments.delta"
    return {"type": kind, "output_index": at, "item_id": item_id, "delta": text}


def done(at: int, call: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": at, "item": call}


def calls_of(telling: Telling) -> list[tuple[str, str]]:
    assert telling.failure is None
    output = fold(telling.events).output
    return [(each.call_id, each.arguments) for each in output if isinstance(each, FunctionCall)]


@pytest.mark.parametrize("item_id", ["fc_1", None, "fc_9"])
@pytest.mark.parametrize("pieces", [[], [OSLO], ['{"city": ', '"Oslo"}']])
def test_it_keeps_the_id_that_it_began_with(item_id: str | None, pieces: list[str]) -> None:
    events = [
        added(0, item("a")),
        *(piece(0, text) for text in pieces),
        done(0, item("z", OSLO, item_id)),
    ]
    for output in ([], [item("y", OSLO)]):
        assert calls_of(responses_streamed(*events, output=output)) == [("a", OSLO)]


def test_so_do_several_of_one_function() -> None:
    oslo = [added(0, item("a")), piece(0, OSLO), done(0, item("y", OSLO, None))]
    rome = [added(1, item("b", "", "fc_2")), piece(1, ROME, "fc_2")]
    rome.append(done(1, item("z", ROME, None)))
    both = [oslo[0], rome[0], oslo[1], rome[1], rome[2], oslo[2]]
    for events in ([*oslo, *rome], both):
        assert calls_of(responses_streamed(*events)) == [("a", OSLO), ("b", ROME)]


def test_calls_that_share_a_place_end_under_their_own_ids() -> None:
    begun = [added(0, item("a")), added(0, item("b"))]
    ended = [done(0, item("a", OSLO)), done(0, item("b", ROME))]
    for events in ([*begun, *ended], [*begun, *reversed(ended)]):
        assert calls_of(responses_streamed(*events)) == [("a", OSLO), ("b", ROME)]
    one_by_one = [begun[0], ended[0], begun[1], ended[1]]
    assert calls_of(responses_streamed(*one_by_one)) == [("a", OSLO), ("b", ROME)]


@pytest.mark.parametrize("other", [item("z", ROME), item("z", OSLO, name="g")])
def test_a_call_of_something_else_is_another(other: Json) -> None:
    events = [added(0, item("a")), piece(0, OSLO), done(0, other)]
    assert calls_of(responses_streamed(*events)) == [("a", OSLO), ("z", other["arguments"])]
