"""The site's navigation, of docs/site/navigation.toml: the groups, and what is in each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from tests.processes import ROOT


def groups(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return the groups, each with the names of its pages.

    `decisions/index.md` stands for its folder, whose other pages are left out. Without an index,
    or where a group has `decisions/*`, they stand there themselves.
    """
    left = {each.removesuffix(".md") for each in names} - {"index"}
    left -= {page for page in left if _parent(page) in left - {page} and not _is_spread(page)}
    found = []
    for group in _groups():
        mine = list(dict.fromkeys(_named(group.pages, left)))
        left -= set(mine)
        found.append((group, mine))
    return [
        (group.title, pages)
        for group, mine in found
        if (pages := mine + sorted(left) if group.rest else mine)
    ]


def navigation(names: Iterable[str]) -> str:
    """Return the groups as what Sphinx reads them from, at the end of the first page."""
    return "".join(_toctree(mine, title) for title, mine in groups(names))


def child_list(name: str, names: Iterable[str]) -> str:
    """Return the pages beneath a folder's own, in the same form."""
    own = name.removesuffix(".md")
    if own == "index" or not own.endswith("/index") or _is_spread(own):
        return ""
    pages = (each.removesuffix(".md") for each in names)
    return _toctree(sorted("/" + page for page in pages if page != own and _parent(page) == own))


class _Group(NamedTuple):
    title: str
    pages: list[str]
    rest: bool = False


@cache
def _groups() -> list[_Group]:
    read = tomllib.loads((ROOT / "docs" / "site" / "navigation.toml").read_text("utf-8"))
    return [_Group(**each) for each in read["group"]]


def _named(patterns: Iterable[str], pages: set[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from sorted(
            page for page in pages if fnmatchcase(page, pattern) or page == f"{pattern}/index"
        )


def _is_spread(page: str) -> bool:
    """Tell whether a page's folder stands in a group with all that is in it."""
    folder = page.rpartition("/")[0]
    return any(f"{folder}/*" in group.pages for group in _groups())


def _parent(page: str) -> str:
    """Return the page that stands for the folder that a page is in, whether or not it is there."""
    folder = page.removesuffix("/index") if page.endswith("/index") else page
    return f"{folder.rpartition('/')[0]}/index"


def _toctree(pages: list[str], caption: str = "") -> str:
    if not pages:
        return ""
    lines = ["", "```{toctree}", ":hidden:"]
    lines += [f":caption: {caption}"] if caption else []
    return "\n".join([*lines, "", *pages, "```", ""])
