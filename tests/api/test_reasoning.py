"""Reasoning that its server sent without a payload, as POST showed it and as it is read again."""

from __future__ import annotations

from base64 import b64encode

import pytest
import responses

from app.errors import StorageUnavailable
from app.factory import create_app
from app.store.accounts.redis import RedisAccountStore
from tests.api.conftest import Asker, asker
from tests.api.vendors import SAID, VENDOR, WHOLE, settings, upstream

__all__ = ["upstream"]

INCLUDED = {"include": ["reasoning.encrypted_content"]}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
QUERY = "include[]=reasoning.encrypted_content"
ASKED = {"model": "own", "input": "Hi", **INCLUDED}


@pytest.fixture
def caller(redis_url: str, upstream: responses.RequestsMock) -> Asker:
    upstream.post(VENDOR + "/responses", json=WHOLE | {"output": [THOUGHT, SAID]})
    return asker(create_app(settings(redis_url)), "owner")


@pytest.mark.parametrize("included", [INCLUDED, {}], ids=["included", "not included"])
def test_it_is_read_as_it_was_shown(caller: Asker, included: dict[str, object]) -> None:
    shown = caller.ask("POST", "/v1/responses", {**ASKED, "include": [], **included}).get_json()
    assert "encrypted_content" not in shown["output"][0]
    for query in ("", f"?{QUERY}"):
        again = caller.ask("GET", f"/v1/responses/{shown['id']}{query}").get_json()
        assert again == shown


def test_it_is_listed_as_it_was_shown(caller: Asker) -> None:
    conversation = caller.ask("POST", "/v1/conversations", {}).get_json()["id"]
    in_it = {**ASKED, "conversation": conversation}
    shown = caller.ask("POST", "/v1/responses", in_it).get_json()["output"][0]
    later = caller.ask("POST", "/v1/responses", in_it).get_json()["id"]
    items = f"/v1/conversations/{conversation}/items"
    assert caller.ask("GET", f"{items}/{shown['id']}?{QUERY}").get_json() == shown
    for listed in (items, f"/v1/responses/{later}/input_items"):
        assert shown in caller.ask("GET", f"{listed}?{QUERY}").get_json()["data"]


def test_a_repeated_request_is_answered_with_the_same(caller: Asker) -> None:
    headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": "once"}
    first = caller.client.post("/v1/responses", json=ASKED, headers=headers)
    again = caller.client.post("/v1/responses", json=ASKED, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_data() == first.get_data()


@pytest.mark.parametrize("payload", [b64encode(b"\xff\0" * 40).decode(), "gAAAA", "é"])
def test_what_others_have_sealed_is_listed_as_it_came(caller: Asker, payload: str) -> None:
    thought = {**THOUGHT, "encrypted_content": payload}
    asked = {**ASKED, "input": [thought, {"role": "user", "content": "Hi"}]}
    response_id = caller.ask("POST", "/v1/responses", asked).get_json()["id"]
    listed = caller.ask("GET", f"/v1/responses/{response_id}/input_items?{QUERY}").get_json()
    assert payload in [each.get("encrypted_content") for each in listed["data"]]


def test_it_is_sealed_though_redis_has_gone_since_an_earlier_answer(
    redis_url: str, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    opaque = {**THOUGHT, "encrypted_content": "gAAAA"}
    upstream.post(VENDOR + "/responses", json=WHOLE)
    upstream.post(VENDOR + "/responses", json=WHOLE | {"output": [opaque, SAID]})
    caller = asker(create_app(settings(redis_url)), "owner")
    unstored = {**ASKED, "store": False}
    assert caller.ask("POST", "/v1/responses", unstored).status_code == 200
    monkeypatch.setattr(RedisAccountStore, "secret", away)
    later = caller.ask("POST", "/v1/responses", unstored)
    assert later.status_code == 200
    assert later.get_json()["output"][0]["encrypted_content"] not in ("", "gAAAA")
