"""The console's page: what a browser is told of it, and what it may run."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings, WebSettings
from tests.api.conftest import PREFIX
from tests.processes import ROOT

STATIC = ROOT / "app/api/console/static"
ASSETS = {path.name: path.read_text() for path in sorted(STATIC.iterdir())}
SCRIPTS = [name for name in ASSETS if name.endswith(".js")]
LONGEST_SCRIPT = 300
#: What makes markup or code of a text, or sends a page elsewhere.
UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment"
    r"|\beval\b|new Function|setHTMLUnsafe|document\.cookie|window\.open|https?://(?!www\.w3\.org)[a-z]"
)


#: Names that say only that something was done with a value (tests/test_house.py).
VAGUE = re.compile(
    r"(?:(?:const|let|function) |[{,:(] ?)(told|asked|answered|held|shown|said)(?=[,:;)} =(])"
)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        """Return all values of an attribute."""
        return [
            value or "" for _, attrs in self.tags for key, value in attrs.items() if key == name
        ]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def page(client: FlaskClient) -> Page:
    answer = client.get("/console")
    assert answer.status_code == 200
    return Page(answer.get_data(as_text=True))


@pytest.mark.parametrize("path", ["/console", *(f"/console/static/{name}" for name in ASSETS)])
def test_it_is_served_without_a_key_and_may_run_only_what_comes_from_here(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_nothing_stands_in_the_page_that_its_policy_forbids(page: Page) -> None:
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert scripts
    assert all("src" in attrs for attrs in scripts)
    assert not [
        tag for tag, _ in page.tags if tag in ("style", "base", "iframe", "object", "embed")
    ]
    assert not [
        name for _, attrs in page.tags for name in attrs if name == "style" or name[:2] == "on"
    ]


def test_what_the_page_names_is_there_and_is_ours(page: Page, client: FlaskClient) -> None:
    sources = page.values("src") + [each for each in page.values("href") if each[:1] != "#"]
    assert sources
    for source in sources:
        assert client.get(f"/{source}").status_code == 200, source


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_takes_others_from_beside_it(name: str) -> None:
    text = ASSETS[name]
    imported = re.findall(r'from "\./([^"]+)"', text)
    assert set(imported) <= set(SCRIPTS)
    assert len(re.findall(r"^import\b|\bimport\(", text, re.MULTILINE)) == len(imported)


def test_every_script_and_style_is_used(page: Page) -> None:
    named = {each.rpartition("/")[2] for each in page.values("src") + page.values("href")}
    for name in SCRIPTS:
        named |= set(re.findall(r'from "\./([^"]+)"', ASSETS[name]))
    assert set(ASSETS) - named == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_no_markup_of_a_text(name: str) -> None:
    assert UNSAFE.findall(ASSETS[name]) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_no_vague_names(name: str) -> None:
    code = re.sub(r"^ *//.*", "", ASSETS[name], flags=re.MULTILINE)
    assert VAGUE.findall(code) == []


@pytest.mark.parametrize("name", ASSETS)
def test_a_file_is_short(name: str) -> None:
    assert ASSETS[name].count("\n") <= LONGEST_SCRIPT


def test_what_scripts_look_for_in_the_page_is_there_once(page: Page) -> None:
    ids = page.values("id")
    assert sorted(ids) == sorted(set(ids))
    text = "".join(ASSETS[name] for name in SCRIPTS)
    wanted = set(re.findall(r'(?:byId|filterForm)\(\s*"([^"]+)"', text))
    wanted |= set(re.findall(r'(?:new FormFault|parsed|number|text)\("([a-z-]+)"', text))
    assert len(wanted) > 50
    assert wanted - set(ids) == set()
    for name in ("aria-labelledby", "aria-describedby", "for", "list"):
        assert {each for value in page.values(name) for each in value.split()} - set(ids) == set()


def test_a_browser_that_has_a_file_is_told_so(client: FlaskClient) -> None:
    first = client.get("/console/static/main.js")
    again = client.get("/console/static/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["Content-Security-Policy"]
    other = client.get("/console/static/dom.js", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "name", ["none.js", "..", "%2e%2e%2fpage.py", "..%2fpage.py", "page.py", "../page.py", ""]
)
def test_nothing_else_can_be_read(client: FlaskClient, name: str) -> None:
    assert client.get(f"/console/static/{name}").status_code == 404


def test_a_slash_behind_leads_to_the_page_itself(client: FlaskClient) -> None:
    answer = client.get("/console/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "../console")


def test_one_setting_turns_it_off(redis_url: str) -> None:
    app = create_app(
        Settings(
            providers=(ProviderSettings(name="local", api="local"),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            web=WebSettings(console=False),
            log_level="CRITICAL",
        )
    )
    for path in ("/console", "/console/", "/console/static/main.js", "/console/api/session"):
        answer = app.test_client().get(path)
        assert answer.status_code == 404
        assert answer.get_json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("path", ["/console", "/console/static/main.js"])
def test_a_file_is_packed_for_who_takes_that(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.get_data()) == plain.get_data()
    assert {each.headers["Vary"] for each in (plain, packed)} == {"Accept-Encoding"}
    assert {each.headers["Cache-Control"] for each in (plain, packed)} == {"no-cache"}
    assert plain.headers["ETag"] == packed.headers["ETag"]
