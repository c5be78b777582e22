"""How many there may be of whatever a body can hold many of (N15)."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import InvalidRequest
from app.schemas.field import ReadContext
from app.schemas.fields import MOST_OBJECTS
from app.schemas.request.bounds import MOST_ITEMS, MOST_PARTS, MOST_TOOLS
from app.schemas.request.create import CREATE_REQUEST
from tests.schemas.requests import verdict

TEXT = {"type": "input_text", "text": "Hi"}
SAID = {"type": "output_text", "text": "Hi"}
FUNCTION = {"type": "function", "name": "f", "parameters": {}}


def message(content: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": content}]


LISTS: dict[str, tuple[int, Any]] = {
    "input": (MOST_ITEMS, lambda many: {"input": [{"role": "user", "content": "Hi"}] * many}),
    "input[0].content": (MOST_PARTS, lambda many: {"input": message([TEXT] * many)}),
    "input[0].output": (
        MOST_PARTS,
        lambda many: {
            "input": [{"type": "function_call_output", "call_id": "c", "output": [TEXT] * many}]
        },
    ),
    "input[0].summary": (
        MOST_PARTS,
        lambda many: {
            "input": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": ""}] * many}
            ]
        },
    ),
    "input[0].content[0].logprobs": (
        MOST_OBJECTS,
        lambda many: {"input": message([SAID | {"logprobs": [{}] * many}], "assistant")},
    ),
    "tools": (
        MOST_TOOLS,
        lambda many: {"tools": [FUNCTION | {"name": f"f{number}"} for number in range(many)]},
    ),
    "tool_choice.tools": (
        MOST_TOOLS,
        lambda many: {
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}] * many,
            },
        },
    ),
    "include": (100, lambda many: {"include": ["reasoning.encrypted_content"] * many}),
}


@pytest.mark.parametrize(("path", "most", "body"), [(k, *v) for k, v in LISTS.items()], ids=LISTS)
def test_an_array_may_have_so_many_elements_and_no_more(path: str, most: int, body: Any) -> None:
    whole = {"model": "m", "input": "Hi"}
    CREATE_REQUEST.load(whole | body(most))
    assert verdict(whole | body(most + 1)) == ("array_above_max_length", path)


def test_too_many_items_are_found_before_any_is_looked_at() -> None:
    with pytest.raises(InvalidRequest) as refused:
        CREATE_REQUEST.load({"model": "m", "input": [object()] * (MOST_ITEMS + 1)})
    assert refused.value.code == "array_above_max_length"
    assert str(MOST_ITEMS) in refused.value.message


@pytest.mark.parametrize(
    "body",
    [
        {"input": message("Hi") * 1000},
        {"input": message([TEXT] * 1000)},
    ],
    ids=["items", "parts"],
)
def test_others_run_while_much_is_read(body: dict[str, Any]) -> None:
    pauses: list[None] = []
    CREATE_REQUEST.load(
        {"model": "m"} | body, context=ReadContext(pause=lambda: pauses.append(None))
    )
    assert len(pauses) == 4


def test_unknown_keys_are_ignored_but_not_without_end() -> None:
    many = {f"k{number}": 1 for number in range(1000)}
    CREATE_REQUEST.load({"model": "m", "input": "Hi"} | dict(list(many.items())[:998]))
    assert verdict({"model": "m", "input": "Hi"} | many) == ("invalid_value", None)
