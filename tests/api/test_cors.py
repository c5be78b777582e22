"""What a browser is told of which pages may read an answer (N9)."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.factory import create_app
from app.schemas.docs.headers import HEADERS
from app.settings import ProviderSettings, RedisSettings, Settings, WebSettings
from tests.api.conftest import PREFIX, Asker, asker

PAGE, ANOTHER = "https://app.example", "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}
CREATE = "/v1/responses"


def open_to(redis_url: str, *origins: str) -> Asker:
    """Return somebody at a gateway that pages of these origins may call."""
    settings = Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        web=WebSettings(cors_origins=origins),
        log_level="CRITICAL",
    )
    return asker(create_app(settings), "owner")


@pytest.fixture
def open_gateway(redis_url: str, app: Flask) -> Asker:
    return open_to(redis_url, PAGE, "http://localhost:3000")


def posted(asker: Asker, origin: str, **body: object) -> TestResponse:
    headers = {"Origin": origin, "Authorization": f"Bearer {asker.secret}"}
    whole = {"model": "local/echo", "input": "Hi", **body}
    return asker.client.post(CREATE, json=whole, headers=headers)


def allowed(answer: TestResponse) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in answer.headers
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize(
    "path", [CREATE, f"{CREATE}/resp_1/cancel", "/v1/models/a/b", "/openapi.json", "/v1/nothing"]
)
def test_a_preflight_is_answered_without_a_key_whatever_the_path(
    open_gateway: Asker, path: str
) -> None:
    answer = open_gateway.client.options(path, headers={"Origin": PAGE, **PREFLIGHT})
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Length" not in answer.headers
    assert answer.headers["X-Request-ID"]
    said = allowed(answer)
    assert said["access-control-allow-origin"] == PAGE
    assert said["access-control-allow-methods"] == "GET, HEAD, POST, DELETE"
    assert said["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert "access-control-allow-credentials" not in said


@pytest.mark.parametrize("body", [{}, {"stream": True}, {"background": True}, {"input": 5}])
def test_a_page_may_read_answers_streams_and_errors(
    open_gateway: Asker, body: dict[str, object]
) -> None:
    answer = posted(open_gateway, PAGE, **body)
    assert allowed(answer)["access-control-allow-origin"] == PAGE
    exposed = set(allowed(answer)["access-control-expose-headers"].split(", "))
    needed = {"X-Request-ID", "Retry-After", "X-Ignored-Parameters", "X-Budget-Remaining"}
    assert needed | {"x-ratelimit-remaining-tokens", "openai-processing-ms"} <= exposed
    assert exposed == set(HEADERS)
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/docs/", "/console"])
def test_caches_learn_all_that_a_page_depends_on(open_gateway: Asker, path: str) -> None:
    answer = open_gateway.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding, Origin"


def test_a_page_may_read_that_its_key_is_wrong(open_gateway: Asker) -> None:
    answer = open_gateway.client.get("/v1/models", headers={"Origin": PAGE})
    assert (answer.status_code, allowed(answer)["access-control-allow-origin"]) == (401, PAGE)


@pytest.mark.parametrize(
    "origin", [ANOTHER, "null", "https://app.example.evil.example", "http://app.example", "*", ""]
)
def test_another_origin_gets_no_headers(open_gateway: Asker, origin: str) -> None:
    answer = posted(open_gateway, origin)
    assert (answer.status_code, allowed(answer)) == (200, {})
    assert answer.headers["Vary"] == "Origin"
    asked = open_gateway.client.options(CREATE, headers={"Origin": origin, **PREFLIGHT})
    assert (asked.status_code, allowed(asked)) == (405, {})


def test_a_star_allows_all_without_credentials(redis_url: str, app: Flask) -> None:
    answer = posted(open_to(redis_url, "*"), ANOTHER)
    assert allowed(answer)["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in allowed(answer)
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_no_page_reads_what_is_for_the_platform(redis_url: str, app: Flask, path: str) -> None:
    answer = open_to(redis_url, "*").client.get(path, headers={"Origin": PAGE})
    assert allowed(answer) == {}


def test_a_header_of_a_page_that_is_none_is_not_repeated(open_gateway: Asker) -> None:
    asked = PREFLIGHT | {"Access-Control-Request-Headers": "a, b c; <d>"}
    answer = open_gateway.client.options(CREATE, headers={"Origin": PAGE, **asked})
    assert "access-control-allow-headers" not in allowed(answer)


def test_without_the_setting_there_is_nothing_of_it(owner: Asker) -> None:
    answer = posted(owner, PAGE)
    assert (allowed(answer), "Vary" in answer.headers) == ({}, False)
    assert owner.client.options(CREATE, headers={"Origin": PAGE, **PREFLIGHT}).status_code == 405
