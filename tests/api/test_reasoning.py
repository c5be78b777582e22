"""Reasoning that its server sent without a payload, as POST showed it and as it is read again."""

from __future__ import annotations

import pytest
import responses

from app.factory import create_app
from tests.api.conftest import Asker, asker
from tests.api.vendors import SAID, VENDOR, WHOLE, settings, upstream

__all__ = ["upstream"]

INCLUDED = {"include": ["reasoning.encrypted_content"]}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
ASKED = {"model": "own", "input": "Hi", **INCLUDED}


@pytest.fixture
def caller(redis_url: str, upstream: responses.RequestsMock) -> Asker:
    upstream.post(VENDOR + "/responses", json=WHOLE | {"output": [THOUGHT, SAID]})
    return asker(create_app(settings(redis_url)), "owner")


def test_it_is_read_as_it_was_shown(caller: Asker) -> None:
    shown = caller.ask("POST", "/v1/responses", ASKED).get_json()
    assert "encrypted_content" not in shown["output"][0]
    for query in ("", "?include[]=reasoning.encrypted_content"):
        again = caller.ask("GET", f"/v1/responses/{shown['id']}{query}").get_json()
        assert again == shown


def test_a_repeated_request_is_answered_with_the_same(caller: Asker) -> None:
    headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": "once"}
    first = caller.client.post("/v1/responses", json=ASKED, headers=headers)
    again = caller.client.post("/v1/responses", json=ASKED, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_data() == first.get_data()
