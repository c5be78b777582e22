"""A turn whose parent is purged, with all of its conversation, while the model answers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from orjson import loads

from app.api import context
from app.services.responses.saving import TurnSaver
from tests.api.conftest import Asker

#: What each way of continuing gets: param, status and code, as for an unknown id before the answer.
ENDS = {
    "previous_response_id": (400, "previous_response_not_found"),
    "conversation": (404, "conversation_not_found"),
}


@pytest.fixture(params=ENDS)
def param(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def parent(owner: Asker, param: str) -> str:
    if param == "conversation":
        body = {"items": [{"role": "user", "content": "Hello."}]}
        return str(owner.ask("POST", "/v1/conversations", body).get_json()["id"])
    return owner.create()


@contextmanager
def erasing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have all that the account has stored be erased before an answer is."""
    save = TurnSaver.save

    def erased_first(*turn: Any) -> None:
        with app.app_context():
            list(context.services().archive.erase("owner", by="test"))
        save(*turn)

    with monkeypatch.context() as patch:
        patch.setattr(TurnSaver, "save", erased_first)
        yield


def test_a_whole_answer_says_what_was_purged(
    app: Flask, owner: Asker, param: str, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"model": "local/echo", "input": "Hi", param: parent}
    with erasing(app, monkeypatch):
        refused = owner.ask("POST", "/v1/responses", body)
    error = refused.get_json()["error"]
    assert (refused.status_code, error["code"]) == ENDS[param]
    assert error["param"] == param
    assert parent in error["message"]
    assert refused.headers["x-should-retry"] == "false"  # its model was called


def test_a_stream_says_it_at_its_end(
    app: Flask, owner: Asker, param: str, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"model": "local/echo", "input": "Hi", "stream": True, param: parent}
    with erasing(app, monkeypatch):
        *_, error, failed, done, _ = owner.ask("POST", "/v1/responses", body).data.split(b"\n\n")
    event = loads(error.partition(b"data: ")[2])
    assert (event["type"], event["code"], event["param"]) == ("error", ENDS[param][1], param)
    assert failed.startswith(b"event: response.failed\n")
    assert done == b"data: [DONE]"
