"""For how long a response is kept, as its caller says and sees it (C5)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.api import context
from app.cli.accounts import accounts
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings, StorageSettings
from tests.api.conftest import PREFIX, Asker, asker
from tests.api.test_idempotency import ask
from tests.store.ageing import expire

BODY: dict[str, object] = {"model": "local/echo", "input": "Hi"}


def redis_of(app: Flask) -> Any:
    with app.app_context():
        return context.services().idempotency._store._redis  # type: ignore[attr-defined]


def kept_by_default(redis_url: str, days: int) -> Asker:
    """Return somebody of an account of a gateway that keeps what is stored for some days."""
    settings = Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        storage=StorageSettings(retention_days=days),
        log_level="CRITICAL",
    )
    return asker(create_app(settings), "owner")


def of_account(app: Flask, days: str) -> Asker:
    """Return somebody of an account that keeps what is stored for some days."""
    args = ["set-limits", "owner", "--retention-days", days]
    assert app.test_cli_runner().invoke(accounts, args).exit_code == 0
    return asker(app, "owner")


def answer(caller: Asker, **more: object) -> dict[str, Any]:
    response = caller.ask("POST", "/v1/responses", BODY | more)
    assert response.status_code in (200, 202), response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    return body


def refusal(caller: Asker, **more: object) -> tuple[int, object, object]:
    response = caller.ask("POST", "/v1/responses", BODY | more)
    error = response.get_json()["error"]
    return response.status_code, error["param"], error["code"]


@pytest.mark.parametrize("more", [{}, {"background": True}], ids=["whole", "background"])
@pytest.mark.parametrize("name", ["retention_days", "retentionDays"])
def test_what_a_request_says_is_echoed(owner: Asker, name: str, more: dict[str, object]) -> None:
    made = answer(owner, **more, **{name: 30})
    assert made["retention_days"] == 30
    assert owner.ask("GET", f"/v1/responses/{made['id']}").get_json()["retention_days"] == 30
    assert "retentionDays" not in made


def test_without_any_retention_there_is_no_such_key(owner: Asker, app: Flask) -> None:
    assert "retention_days" not in answer(owner)
    assert "retention_days" not in answer(owner, retention_days=None)
    assert not redis_of(app).exists(f"{PREFIX}{{expiring}}")


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"retention_days": -1}, "retention_days", "integer_below_min_value"),
        ({"retention_days": 366}, "retention_days", "integer_above_max_value"),
        ({"retentionDays": 366}, "retentionDays", "integer_above_max_value"),
        ({"retention_days": "30"}, "retention_days", "invalid_type"),
        ({"retention_days": 1.0}, "retention_days", "invalid_type"),
        ({"retention_days": True}, "retention_days", "invalid_type"),
        ({"retention_days": 7, "retentionDays": 30}, "retentionDays", "invalid_value"),
        ({"retention_days": 0, "background": True}, "background", "unsupported_value"),
        ({"retentionDays": 0, "background": True}, "background", "unsupported_value"),
    ],
    ids=str,
)
def test_what_is_no_retention_is_refused(
    owner: Asker, given: dict[str, object], param: str, code: str
) -> None:
    assert refusal(owner, **given) == (400, param, code)


def test_both_names_may_say_the_same(owner: Asker) -> None:
    assert answer(owner, retention_days=7, retentionDays=7)["retention_days"] == 7
    assert answer(owner, retention_days=7, retentionDays=None)["retention_days"] == 7


def test_of_zero_days_nothing_is_stored(owner: Asker, app: Flask) -> None:
    made = answer(owner, retention_days=0, store=True)
    assert (made["store"], made["retention_days"]) == (False, 0)
    assert owner.ask("GET", f"/v1/responses/{made['id']}").status_code == 404
    assert refusal(owner, previous_response_id=made["id"])[0] == 400


def test_days_of_what_is_not_stored_are_named_as_ignored(owner: Asker) -> None:
    for more, ignored in (({"store": False}, "retention_days"), ({}, None)):
        answered = owner.ask("POST", "/v1/responses", BODY | {"retention_days": 7} | more)
        assert answered.status_code == 200
        assert answered.headers.get("X-Ignored-Parameters") == ignored


def test_a_request_comes_before_its_account_and_that_before_the_default(
    app: Flask, redis_url: str
) -> None:
    by_default = kept_by_default(redis_url, 90)
    assert answer(by_default)["retention_days"] == 90
    of_account(app, "30")
    by_account = kept_by_default(redis_url, 90)
    assert answer(by_account)["retention_days"] == 30
    assert answer(by_account, retention_days=7)["retention_days"] == 7
    of_account(app, "none")
    assert "retention_days" not in answer(kept_by_default(redis_url, 90))


@pytest.mark.usefixtures("owner")
def test_an_account_of_zero_days_keeps_nothing_unless_it_is_told(app: Flask) -> None:
    caller = of_account(app, "0")
    assert answer(caller)["store"] is False
    assert refusal(caller, background=True)[:2] == (400, "background")
    kept = answer(caller, retention_days=1)
    assert caller.ask("GET", f"/v1/responses/{kept['id']}").status_code == 200
    refused = caller.ask("POST", "/v1/conversations", {})
    assert (refused.status_code, "retention" in refused.get_data(as_text=True)) == (403, True)


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(("days", "status"), [(None, 400), (0, 400), (1, 200)])
def test_a_stream_that_an_account_keeps_for_zero_days_does_not_outlast_its_caller(
    app: Flask, days: int | None, status: int
) -> None:
    caller = of_account(app, "0")
    body = BODY | {"stream": True, "retention_days": days}
    answered = caller.ask("POST", "/v1/responses", body, **{"X-On-Disconnect": "continue"})
    text = answered.get_data(as_text=True)
    assert (answered.status_code, '"param":"X-On-Disconnect"' in text) == (status, status == 400)


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"store": False}], ids=str)
@pytest.mark.parametrize("says", ["request", "account"])
def test_what_is_kept_for_zero_days_goes_into_no_conversation(
    app: Flask, owner: Asker, says: str, more: dict[str, object]
) -> None:
    conversation = owner.ask("POST", "/v1/conversations", {}).get_json()["id"]
    caller = of_account(app, "0") if says == "account" else owner
    days = {"retention_days": 0} if says == "request" else {}
    refused = refusal(caller, conversation=conversation, **days, **more)
    assert refused[:2] == (400, "conversation")
    assert owner.ask("GET", f"/v1/conversations/{conversation}/items").get_json()["data"] == []
    if says == "account":
        answer(caller, conversation=conversation, retention_days=1, store=False)
        page = owner.ask("GET", f"/v1/conversations/{conversation}/items").get_json()
        assert len(page["data"]) == 2


@pytest.mark.parametrize(
    "path", ["", "/input_items", "?stream=true", "/cancel", "?wait=1"], ids=str
)
@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}], ids=str)
def test_what_has_expired_is_unknown_on_every_path(
    owner: Asker, app: Flask, path: str, more: dict[str, object]
) -> None:
    response = owner.ask("POST", "/v1/responses", BODY | {"retention_days": 1} | more)
    text = response.get_data(as_text=True)
    response_id = text[text.index("resp_") :][:53]
    if more == {"background": True}:
        # Nobody works here: it is cancelled, and so it has ended.
        assert owner.ask("POST", f"/v1/responses/{response_id}/cancel").status_code == 200
    expire(redis_of(app), response_id, prefix=PREFIX)
    method = "POST" if path == "/cancel" else "GET"
    found = owner.ask(method, f"/v1/responses/{response_id}{path}")
    assert (found.status_code, found.get_json()["error"]["code"]) == (404, "response_not_found")
    assert owner.ask("DELETE", f"/v1/responses/{response_id}").status_code == 404
    assert refusal(owner, previous_response_id=response_id) == (
        400,
        "previous_response_id",
        "previous_response_not_found",
    )


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}], ids=str)
def test_what_has_expired_is_not_replayed(
    owner: Asker, app: Flask, more: dict[str, object]
) -> None:
    text = ask(owner, "k1", retention_days=1, **more).get_data(as_text=True)
    response_id = text[text.index("resp_") :][:53]
    if more == {"background": True}:
        owner.ask("POST", f"/v1/responses/{response_id}/cancel")
    assert ask(owner, "k1", retention_days=1, **more).status_code in (200, 202)
    expire(redis_of(app), response_id, prefix=PREFIX)
    assert ask(owner, "k1", retention_days=1, **more).status_code == 404


def test_a_conversation_is_kept_as_long_as_its_account_says(app: Flask, owner: Asker) -> None:
    caller, client = of_account(app, "30"), redis_of(app)
    item = {"type": "message", "role": "user", "content": "secret"}
    made = caller.ask("POST", "/v1/conversations", {"items": [item]}).get_json()
    added = caller.ask("POST", f"/v1/conversations/{made['id']}/items", {"items": [item]})
    assert added.status_code == 200
    marks = client.zrange(f"{PREFIX}{{expiring}}", 0, -1, withscores=True)
    assert {name[:5] for name, _ in marks} == {b"conv_", b"items"}
    assert {int(at) - made["created_at"] for _, at in marks} <= {30 * 86400, 30 * 86400 + 1}
    path = f"/v1/conversations/{made['id']}"
    assert len(caller.ask("GET", f"{path}/items").get_json()["data"]) == 2
    for name, _ in marks:
        expire(client, name.decode(), prefix=PREFIX)
    for each in (path, f"{path}/items"):
        found = caller.ask("GET", each)
        assert found.get_json()["error"]["code"] == "conversation_not_found", each


def test_what_comes_to_a_conversation_without_a_response_is_kept_as_long_as_it_says(
    app: Flask, owner: Asker
) -> None:
    client = redis_of(app)
    conversation = owner.ask("POST", "/v1/conversations", {}).get_json()["id"]
    answer(owner, conversation=conversation, store=False, retention_days=7)
    ((name, _),) = client.zrange(f"{PREFIX}{{expiring}}", 0, -1, withscores=True)
    assert name.startswith(b"items_")
    expire(client, name.decode(), prefix=PREFIX)
    page = owner.ask("GET", f"/v1/conversations/{conversation}/items").get_json()
    assert page["data"] == []
