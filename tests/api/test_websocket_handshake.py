"""Who gets a WebSocket, and what is agreed on (E10)."""

from __future__ import annotations

import pytest
from flask import Flask

from app.factory import create_app
from app.settings import (
    ProviderSettings,
    RedisSettings,
    Settings,
    WebSettings,
    WebSocketSettings,
)
from tests.api.conftest import PREFIX, Asker, asker
from tests.api.websockets import FakeSocket, Handshake, create, opened

PAGE = "https://app.example"


def shaken(asker: Asker, **headers: str | None) -> Handshake:
    """Return a handshake of theirs."""
    given: dict[str, str | None] = {"Authorization": f"Bearer {asker.secret}"}
    return Handshake(asker.client.application, **(given | headers))


def made(redis_url: str, **websocket: object) -> Flask:
    """Return another gateway on the same Redis."""
    return create_app(
        Settings(
            providers=(ProviderSettings(name="local", api="local"),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            web=WebSettings(cors_origins=(PAGE,)),
            websocket=WebSocketSettings(**websocket),  # type: ignore[arg-type] # the test's own
            log_level="CRITICAL",
        )
    )


def test_a_session_opens_with_101_and_the_requests_id(owner: Asker) -> None:
    handshake = shaken(owner, X_Request_ID="mine")
    assert handshake.status == 101
    assert handshake.headers["X-Request-ID"] == "mine"
    assert handshake.upgrade.subprotocol is None


def test_one_slash_at_the_end_of_the_path_is_as_if_it_were_not_there(
    owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handshake, "path", "/v1/responses/")
    assert shaken(owner).status == 101


@pytest.mark.parametrize("named", ["x_api_key", "api_key"])
def test_a_key_may_be_in_each_of_the_headers(owner: Asker, named: str) -> None:
    handshake = Handshake(owner.client.application, **{named: owner.secret})
    assert handshake.status == 101


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("responses, openai-insecure-api-key.{}", "responses"),
        ("realtime,openai-insecure-api-key.{},openai-project.p", "realtime"),
        ("openai-insecure-api-key.{}", None),
        ("two words,,(x),openai-insecure-api-key.{},responses", "responses"),
    ],
)
def test_a_page_puts_its_key_among_the_sub_protocols(
    owner: Asker, offered: str, agreed: str | None
) -> None:
    protocols = offered.format(owner.secret)
    handshake = Handshake(owner.client.application, Sec_WebSocket_Protocol=protocols)
    assert (handshake.status, handshake.upgrade.subprotocol) == (101, agreed)
    assert owner.secret not in str(handshake.headers)
    session, socket = handshake.upgrade.handler, FakeSocket(create("Hi"))
    assert session is not None
    session.run(socket)
    assert socket.types[-1] == "response.completed"


def test_a_key_among_the_sub_protocols_is_none_of_a_post(owner: Asker) -> None:
    headers = {"Sec-WebSocket-Protocol": f"openai-insecure-api-key.{owner.secret}"}
    answer = owner.client.post("/v1/responses", json={}, headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": None}, 401, "authentication_required"),
        ({"Authorization": "Bearer sk-nobodys"}, 401, "invalid_api_key"),
        ({"Sec_WebSocket_Version": "8"}, 426, "websocket_not_offered"),
        ({"Sec_WebSocket_Key": "short"}, 400, "invalid_value"),
        ({"Idempotency_Key": "one"}, 400, "unsupported_parameter"),
        ({"Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"Origin": "null"}, 403, "origin_not_allowed"),
    ],
)
def test_a_handshake_that_is_no_good_is_refused_as_any_request(
    owner: Asker, headers: dict[str, str | None], status: int, code: str
) -> None:
    handshake = shaken(owner, **headers)
    assert (handshake.status, handshake.error["code"]) == (status, code)
    assert handshake.upgrade.handler is None


@pytest.mark.parametrize("version", ["8", "13, 8", "013", None])
def test_another_version_is_told_ours(owner: Asker, version: str | None) -> None:
    handshake = shaken(owner, Sec_WebSocket_Version=version)
    assert (handshake.status, handshake.headers["Sec-WebSocket-Version"]) == (426, "13")
    assert handshake.upgrade.handler is None


@pytest.mark.parametrize("origin", ["http://gateway", "https://gateway:443", "http://GATEWAY"])
def test_a_page_of_the_gateways_own_may_open_one(owner: Asker, origin: str) -> None:
    assert shaken(owner, Origin=origin).status == 101


def test_pages_that_cors_allows_may_open_one(app: Flask, redis_url: str) -> None:
    one = asker(made(redis_url), "owner")
    assert shaken(one, Origin=PAGE).status == 101
    assert shaken(one, Origin="https://evil.example").status == 403


def test_a_key_has_so_many_sessions_and_no_more(app: Flask, redis_url: str) -> None:
    gateway = made(redis_url, max_sessions_per_key=1, max_sessions=2)
    one, two, three = (asker(gateway, name) for name in ("one", "two", "three"))
    session = opened(one)
    assert shaken(one).status == 429
    opened(two)
    assert shaken(three).status == 503
    session.run(FakeSocket())
    assert shaken(one).status == 101


def test_where_it_is_turned_off_a_caller_is_sent_to_post(app: Flask, redis_url: str) -> None:
    handshake = shaken(asker(made(redis_url, enabled=False), "owner"))
    assert (handshake.status, handshake.error["code"]) == (426, "websocket_not_offered")
