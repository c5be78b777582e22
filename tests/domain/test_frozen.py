"""What is made often is a value like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.items import InputText, Message
from app.domain.stream.deltas import Text


def test_equal_values_are_equal_and_count_once() -> None:
    assert Text("a") == Text("a") != Text("b")
    assert len({Text("a"), Text("a"), Text("b")}) == 2


def test_a_changed_one_is_another_one() -> None:
    message = Message("msg_1", "user", (InputText("Hi"),))
    assert replace(message, id="msg_2").id == "msg_2"
    assert message.id == "msg_1"


def test_there_are_no_fields_but_its_own() -> None:
    with pytest.raises(AttributeError):
        Text("a").thought = "b"  # type: ignore[attr-defined]
