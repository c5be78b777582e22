"""Calls of built-in tools that are not what they should be, by servers that know them (G4)."""

from __future__ import annotations

from typing import Any

import pytest

from app.providers.faults import fault_in_answer
from app.providers.openai_responses.reader import ResponsesReader
from tests.providers.reads import whole_of


def noted(item: dict[str, Any]) -> set[str]:
    """Return the kinds of oddities that an answer of this item has."""
    kinds: list[str] = []
    reader = ResponsesReader(
        lambda error: fault_in_answer(error, "acme"), note=lambda kind, *_: kinds.append(kind)
    )
    whole_of(reader, {"status": "completed", "output": [item]})
    return set(kinds)


@pytest.mark.parametrize("number", [0, 7, 300])
def test_a_server_does_not_choose_what_its_oddity_is_called(number: int) -> None:
    commands = ["ls"] * number + [5]
    item = {
        "type": "local_shell_call",
        "id": "lsh_1",
        "call_id": "call_1",
        "action": {"type": "exec", "command": commands, "env": {}},
        "status": "completed",
    }
    assert noted(item) == {"local_shell"}
