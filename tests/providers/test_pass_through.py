"""The table of parameters that travel under their own name names what there is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from app.domain.request import Parameters
from app.providers.profiles import Profile
from app.providers.writing.parameters import IGNORED, OWN, ROWS, SENT, PassThrough, Row
from tests.providers.chatting import knowing


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_names_a_parameter_and_quirks(row: Row) -> None:
    assert row.name in {each.name for each in fields(Parameters)}
    quirks = {each.name for each in fields(Profile)}
    assert {row.chat, row.responses, row.messages, row.local} <= {SENT, IGNORED, OWN} | quirks


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("knows", [True, False])
def test_a_parameter_is_sent_or_named(row: Row, knows: bool) -> None:
    values: dict[str, Any] = {row.name: "value"}
    chat, given = PassThrough("chat"), Parameters(**values)
    quirk: dict[str, Any] = {} if row.chat == SENT else {row.chat: knows}
    profile = knowing(**quirk)
    is_sent = row.chat == SENT or knows
    assert chat.body(given, profile) == ({row.name: "value"} if is_sent else {})
    assert chat.ignored(given, profile) == ([] if is_sent else [row.name])


def test_nothing_is_said_of_what_was_not_given() -> None:
    chat = PassThrough("chat")
    assert chat.body(Parameters(), knowing()) == {}
    assert chat.ignored(Parameters(), knowing()) == []
