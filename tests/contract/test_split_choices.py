"""One answer in several choices: a text, and the calls after it (GitHub Copilot's of Claude)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.contract.recordings import play
from tests.contract.test_case_shapes import summary_of

Json = dict[str, Any]
TEXT: Json = {"role": "assistant", "content": "I look."}


def called(city: str, call_id: str) -> Json:
    function = {"name": "f", "arguments": orjson.dumps({"city": city}).decode()}
    return {
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


OSLO, ROME = called("Oslo", "a"), called("Rome", "b")
CALLS = [("f", {"city": "Oslo"}), ("f", {"city": "Rome"})]


def shown(*messages: Json, indexes: tuple[int | None, ...], reason: str = "tool_calls") -> Any:
    places = [{} if index is None else {"index": index} for index in indexes]
    choices = [
        {"message": message, "finish_reason": reason} | place
        for message, place in zip(messages, places, strict=True)
    ]
    return summary_of(play("chat_completions", [orjson.dumps({"choices": choices})], stream=False))


@pytest.mark.parametrize("indexes", [(None, None, None), (0, 0, 0), (0, 1, 2)])
def test_calls_in_choices_after_the_text_are_calls(indexes: tuple[int | None, ...]) -> None:
    assert shown(TEXT, OSLO, ROME, indexes=indexes) == ["I look.", *CALLS]
    assert shown(TEXT, OSLO, indexes=indexes[:2]) == ["I look.", CALLS[0]]


@pytest.mark.parametrize("index", [None, 0])
def test_choices_of_one_index_are_one_answer(index: int | None) -> None:
    assert shown(OSLO, ROME, indexes=(index, index)) == CALLS
    assert shown(TEXT, TEXT, indexes=(index, index), reason="stop") == ["I look.I look."]


def test_an_alternative_that_was_not_asked_for_is_left_out() -> None:
    other = {"content": "Another."}
    assert shown(TEXT, other, indexes=(0, 1), reason="stop") == ["I look."]
    assert shown(TEXT | OSLO | {"content": "I look."}, ROME, indexes=(0, 1)) == [
        "I look.",
        CALLS[0],
    ]
