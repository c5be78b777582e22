"""The documentation as the gateway serves it: to anybody, safely, and cheaply the second time."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings, WebSettings
from tests.api.conftest import PREFIX

PAGES = ("/docs/", "/docs/webhooks.html", "/docs/api", "/docs/nothing")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_run_nothing_but_our_own_files(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    rules = dict(
        each.split(" ", 1) for each in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "text/html; charset=utf-8"


def test_the_way_in_leads_to_where_links_start_from(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert (answer.status_code, answer.headers["Location"]) == (308, "docs/")
    assert b"Responses Gateway" in client.get("/docs/").data


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/docs/_static/pygments.css", "text/css; charset=utf-8"),
        ("/docs/searchindex.js", "text/javascript; charset=utf-8"),
        ("/docs/_static/icon.svg", "image/svg+xml"),
        ("/docs/api/viewer.js", "text/javascript; charset=utf-8"),
        ("/docs/api/NOTICE", "text/plain; charset=utf-8"),
    ],
)
def test_what_pages_load_is_called_what_it_is(client: FlaskClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (200, kind)


def test_a_page_is_found_without_its_ending_and_a_folder_by_its_name(client: FlaskClient) -> None:
    assert client.get("/docs/webhooks").data == client.get("/docs/webhooks.html").data
    moved = client.get("/docs/decisions")
    assert (moved.status_code, moved.headers["Location"]) == (308, "decisions/")
    assert client.get("/docs/decisions/").data == client.get("/docs/decisions/index.html").data


def test_who_has_a_page_is_not_sent_it_again(client: FlaskClient) -> None:
    first = client.get("/docs/webhooks.html")
    again = client.get("/docs/webhooks.html", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "Content-Length" not in again.headers
    assert again.headers["ETag"] == first.headers["ETag"]
    other = client.get("/docs/webhooks.html", headers={"If-None-Match": '"another"'})
    assert other.data == first.data


def test_only_an_address_that_names_its_bytes_is_kept_for_good(client: FlaskClient) -> None:
    assert client.get("/docs/webhooks.html").headers["Cache-Control"] == "no-cache"
    named = client.get("/docs/_static/pygments.css?v=1a2b")
    assert "immutable" in named.headers["Cache-Control"]
    assert "X-Ignored-Parameters" not in named.headers


@pytest.mark.parametrize(
    ("wanted", "packed"), [("gzip, br", True), ("", False), ("gzip;q=0", False)]
)
def test_what_is_large_comes_packed_to_who_reads_that(
    client: FlaskClient, wanted: str, packed: bool
) -> None:
    answer = client.get("/docs/searchindex.js", headers={"Accept-Encoding": wanted})
    assert ("Content-Encoding" in answer.headers) is packed
    text = gzip.decompress(answer.data) if packed else answer.data
    assert text.startswith(b"Search.setIndex(")
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/docs/nothing", "./"),
        ("/docs/a/b/nothing.html", "../../"),
        ("/docs/api/nothing.js", "../"),
        ("/docs/../setup.cfg", "../"),
        ("/docs/..%2f..%2fauth.py", "../../"),
        ("/docs/_static/../../../auth.py", "../../../../"),
    ],
)
def test_what_is_not_there_is_a_page_whose_links_lead_back(
    client: FlaskClient, path: str, base: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert f'<head><base href="{base}">'.encode() in answer.data
    assert "ETag" not in answer.headers


def test_heads_are_answered_and_other_methods_are_not(client: FlaskClient) -> None:
    head = client.head("/docs/webhooks.html")
    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(client.get("/docs/webhooks.html").data)
    assert client.post("/docs/webhooks.html").status_code == 405


def test_an_operator_can_turn_it_off(redis_url: str) -> None:
    settings = Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        web=WebSettings(docs=False),
        log_level="CRITICAL",
    )
    client = create_app(settings).test_client()
    for path in ("/docs", *PAGES):
        answer = client.get(path)
        assert (answer.status_code, answer.content_type) == (404, "application/json")
    assert client.get("/openapi.json").status_code == 200
    error = client.get("/").get_json()["error"]
    assert error["message"].endswith("must end in /v1. People find the console at /console.")
