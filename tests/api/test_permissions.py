"""What a key may not do is refused at every endpoint, whatever way it is asked for."""

from __future__ import annotations

import pytest
from flask import Flask

from app.domain.accounts.accounts import Permissions
from app.factory import create_app
from app.settings import ModelSettings, ProviderSettings, RedisSettings, Settings
from tests.api.conftest import PREFIX, Asker, asker
from tests.processes import free_port
from tests.redis_server import remove_keys

ASKED = {"model": "local/echo", "input": "Hi"}


@pytest.fixture
def app(redis_url: str) -> Flask:
    """A gateway with a model whose provider is down, and which then falls back."""
    remove_keys(redis_url, PREFIX)
    down = f"http://127.0.0.1:{free_port()}/v1"
    return create_app(
        Settings(
            providers=(
                ProviderSettings(name="local", api="local", models=("echo",)),
                ProviderSettings(name="down", api="chat_completions", base_url=down),
            ),
            models=(ModelSettings(id="safe", provider="down", fallbacks=("echo", "local/echo")),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            log_level="CRITICAL",
        )
    )


# read-only keys


@pytest.fixture
def reader(app: Flask) -> Asker:
    return asker(app, "owner", Permissions(read_only=True))


def seen(asker: Asker, method: str, path: str, body: object = None) -> tuple[int, str | None]:
    """Return the status of an answer, and the type of its error if it is one."""
    response = asker.ask(method, path, body)
    if response.status_code < 400:
        return response.status_code, None
    return response.status_code, response.get_json()["error"]["type"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses",
        "/v1/responses/{}",
        "/v1/responses/{}?stream=true",
        "/v1/responses/{}/input_items",
        "/v1/models",
        "/v1/models/local/echo",
        "/v1/usage",
    ],
)
def test_a_key_that_may_only_read_reads(owner: Asker, reader: Asker, path: str) -> None:
    response_id = owner.create(background=True)
    owner.ask("POST", f"/v1/responses/{response_id}/cancel")
    assert seen(reader, "GET", path.format(response_id)) == (200, None)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/v1/responses/{}"), ("POST", "/v1/responses/{}/cancel")],
    ids=["delete", "cancel"],
)
def test_a_key_that_may_only_read_changes_nothing(
    owner: Asker, reader: Asker, method: str, path: str, background: bool
) -> None:
    response_id = owner.create(background=background)
    before = owner.ask("GET", f"/v1/responses/{response_id}").get_json()
    assert seen(reader, method, path.format(response_id)) == (403, "permission_denied_error")
    assert owner.ask("GET", f"/v1/responses/{response_id}").get_json() == before


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}, {"store": False}])
def test_a_key_that_may_only_read_asks_no_model(reader: Asker, more: dict[str, object]) -> None:
    assert seen(reader, "POST", "/v1/responses", ASKED | more) == (403, "permission_denied_error")


# background


def test_a_key_without_background_asks_for_none(app: Flask) -> None:
    asking = asker(app, "owner", Permissions(background=False))
    refused = seen(asking, "POST", "/v1/responses", ASKED | {"background": True})
    assert refused == (403, "permission_denied_error")
    asking.create()


# storing


def test_what_a_key_may_not_store_is_not_stored(app: Flask, owner: Asker) -> None:
    response_id = asker(app, "owner", Permissions(force_no_store=True)).create(store=True)
    assert owner.ask("GET", f"/v1/responses/{response_id}").status_code == 404


def test_what_a_key_may_not_store_does_not_go_on_without_its_caller(app: Flask) -> None:
    unstored = asker(app, "owner", Permissions(force_no_store=True))
    body, goes_on = ASKED | {"stream": True}, {"X-On-Disconnect": "continue"}
    refused = unstored.ask("POST", "/v1/responses", body, **goes_on)
    text = refused.get_data(as_text=True)
    assert (refused.status_code, '"param":"X-On-Disconnect"' in text) == (400, True)


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/v1/conversations", {}, (403, "permission_denied_error")),
        ("/v1/conversations/{}", {"metadata": {"a": "b"}}, (403, "permission_denied_error")),
        (
            "/v1/conversations/{}/items",
            {"items": [{"role": "user", "content": "secret"}]},
            (403, "permission_denied_error"),
        ),
        (
            "/v1/responses",
            ASKED | {"conversation": "{}", "store": False},
            (400, "invalid_request_error"),
        ),
    ],
)
def test_what_a_key_may_not_store_goes_into_no_conversation(
    app: Flask, owner: Asker, path: str, body: dict[str, object], refused: tuple[int, str]
) -> None:
    conversation = owner.ask("POST", "/v1/conversations", {}).get_json()["id"]
    if "conversation" in body:
        body = body | {"conversation": conversation}
    unstored = asker(app, "owner", Permissions(force_no_store=True))
    assert seen(unstored, "POST", path.format(conversation), body) == refused
    items = owner.ask("GET", f"/v1/conversations/{conversation}/items").get_json()
    assert items["data"] == []


def test_who_may_store_nothing_counts_what_a_conversation_has(app: Flask, owner: Asker) -> None:
    conversation = owner.ask("POST", "/v1/conversations", {}).get_json()["id"]
    unstored = asker(app, "owner", Permissions(force_no_store=True))
    body = ASKED | {"conversation": conversation}
    assert unstored.ask("POST", "/v1/responses/input_tokens", body).status_code == 200


# models


@pytest.mark.parametrize("model", ["local/echo", "safe", "no-such-model", "down/echo", "ECHO"])
@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}])
def test_a_model_that_no_glob_covers_is_refused_whether_it_exists_or_not(
    app: Flask, model: str, more: dict[str, object]
) -> None:
    asking = asker(app, "owner", Permissions(models=("echo",)))
    response = asking.ask("POST", "/v1/responses", {"model": model, "input": "Hi"} | more)
    assert (response.status_code, response.get_json()["error"]["code"]) == (
        403,
        "model_not_allowed",
    )


def test_the_models_that_are_listed_are_those_that_may_be_asked_for(app: Flask) -> None:
    asking = asker(app, "owner", Permissions(models=("echo",)))
    listed = asking.ask("GET", "/v1/models").get_json()["data"]
    assert [model["id"] for model in listed] == ["echo"]
    assert asking.ask("GET", "/v1/models/safe").status_code == 404


@pytest.mark.parametrize(
    ("globs", "status"),
    [(("safe",), 503), (("safe", "ech*"), 200), (("safe", "local/*"), 200), ((), 200)],
)
def test_a_fallback_is_asked_only_where_the_key_may_use_it(
    app: Flask, globs: tuple[str, ...], status: int
) -> None:
    asking = asker(app, "owner", Permissions(models=globs))
    response = asking.ask("POST", "/v1/responses", {"model": "safe", "input": "Hi"})
    assert response.status_code == status
