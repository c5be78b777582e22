"""The JSON of a response is made once, for the store and for the caller."""

from __future__ import annotations

from dataclasses import replace

from app.domain.turns.turn import Position
from app.schemas.wire.responses import RESPONSE
from app.store.responses.entries import Entries
from tests.store.turns import turn


def test_storing_leaves_the_json_of_the_answer_as_it_was() -> None:
    for parent in (None, Position("0", 0)):
        stored = replace(turn("Hello?"), parent=parent)
        fresh = RESPONSE.writer(stored.response)
        Entries().dump(stored)
        assert RESPONSE.dump(stored.response) == fresh


def test_another_response_has_another_json() -> None:
    response = turn("Hello?").response
    RESPONSE.dump(response)
    assert RESPONSE.dump(replace(response, status="failed"))["status"] == "failed"
