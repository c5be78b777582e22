"""The kept pages by themselves: nothing in them is from elsewhere; links lead somewhere."""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from app.api.endpoints.site import PAGES
from tests.processes import ROOT
from tests.site.build import BUILT

VIEWER = ROOT / "app" / "api" / "site" / "viewer"
ALL = sorted(BUILT.rglob("*.html"))
every_page = pytest.mark.parametrize(
    "page",
    [*ALL, VIEWER / "index.html"],
    ids=lambda path: path.relative_to(VIEWER.parent).as_posix(),
)
_LOADED = re.compile(r'<(?:script|img|source|iframe)\b[^<>]*?\s(?:src|srcset)="([^"]*)"')
_SHEETS = re.compile(r'<link\b[^<>]*?\srel="(?:stylesheet|icon|preload)"[^<>]*?\shref="([^"]*)"')
_LINKS = re.compile(r'<a\b[^<>]*?\shref="([^"]*)"')
_IDS = re.compile(r'\sid="([^"]*)"')
#: What the gateway serves beside the pages.
_BESIDE = ("api", "../openapi.json")


@cache
def text(page: Path) -> str:
    return page.read_text("utf-8")


@every_page
def test_no_script_or_style_stands_in_a_page(page: Path) -> None:
    assert re.findall(r"<script(?![^<>]*\ssrc=)[^<>]*>|<style\b", text(page)) == []
    assert re.findall(r'<[a-zA-Z][^<>]*\s(?:style|on[a-z]+)="[^"]*"', text(page)) == []


@every_page
def test_a_page_loads_nothing_from_elsewhere(page: Path) -> None:
    loaded = [*_LOADED.findall(text(page)), *_SHEETS.findall(text(page))]
    assert loaded
    assert [each for each in loaded if re.match(r"[a-z]+:|//|/", each)] == []


def test_no_style_sheet_or_script_of_the_pages_loads_from_elsewhere() -> None:
    sheets = "".join(path.read_text("utf-8") for path in BUILT.rglob("*.css"))
    foreign = re.findall(r'(?:url\(|@import )["\']?(?:https?:|//)[^)]*', sheets)
    assert foreign == []


@pytest.mark.parametrize("page", ALL, ids=lambda path: path.relative_to(BUILT).as_posix())
def test_a_link_leads_to_a_page_and_a_place_on_it(page: Path) -> None:
    broken = []
    for link in map(unescape, _LINKS.findall(text(page))):
        target, place = urldefrag(link)
        if re.match(r"[a-z]+:", target):
            continue
        to = (page.parent / unquote(target)).resolve() if target else page
        if to in [(BUILT / each).resolve() for each in _BESIDE]:
            continue
        if not to.is_file() or (place and to.suffix == ".html" and not _has(to, unquote(place))):
            broken.append(link)
    assert broken == []


def _has(page: Path, place: str) -> bool:
    return place in map(unescape, _IDS.findall(text(page)))


def test_no_page_knows_where_it_was_built() -> None:
    assert [path for path in ALL if str(ROOT) in text(path)] == []


def test_there_are_the_pages_that_the_gateway_serves_by_name() -> None:
    assert "index.html" in PAGES
    assert "404.html" in PAGES


def test_what_is_not_ours_is_as_its_package_has_it() -> None:
    vendored = tomllib.loads((VIEWER / "vendored.toml").read_text("utf-8"))
    digests = {
        name: hashlib.sha256((VIEWER / name).read_bytes()).hexdigest()
        for name in vendored["sha256"]
    }
    assert digests == vendored["sha256"]
