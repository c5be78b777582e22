"""Files, modules and sections that a document or a comment names are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.documents import FOLDERS, documents, relative, sources
from tests.processes import ROOT

_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_PATH = re.compile(rf"(?<![\w/.$-])(?:\.ci|{'|'.join(FOLDERS)})/[\w./*-]*\w")
_TOP = re.compile(r"`([\w-]+\.(?:cfg|conf|md|py|toml|txt))`")
_MODULE = re.compile(r"`(app(?:\.\w+)+)`")
_WORDS = re.compile(r"[^\w -]")
#: What the reader makes, or a package of somebody else has.
_MADE = frozenset({"gateway.toml", "gunicorn_conf.py"})


def paths(text: str) -> Iterator[str]:
    """Yield each path that a text names from the repository's root."""
    yield from _PATH.findall(text)
    yield from (name for name in _TOP.findall(text) if name not in _MADE)


def remarks(path: Path) -> Iterator[str]:
    """Yield the comments and docstrings of a file, of one that names some path."""
    text = path.read_text()
    if _PATH.search(text) is None:
        return
    if path.suffix == ".lua":
        yield from re.findall(r"--.*", text)
        return
    yield from re.findall(r"#.*", text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("page", documents(), ids=relative)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in paths(page.read_text()) if not _stands(page, path)] == []


@pytest.mark.parametrize("page", documents(), ids=relative)
def test_a_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert [link for link in _LINK.findall(page.read_text()) if not _leads(page, link)] == []


@pytest.mark.parametrize("page", documents(), ids=relative)
def test_a_module_that_a_page_names_is_there(page: Path) -> None:
    assert [name for name in _MODULE.findall(page.read_text()) if not _is_there(name)] == []


def test_a_file_that_a_comment_names_is_there() -> None:
    gone = {
        (relative(path), named)
        for path in sources()
        if path.suffix in (".py", ".lua")
        for line in remarks(path)
        for named in _PATH.findall(line)
        if named.endswith((".md", ".py", ".lua")) and not any(ROOT.glob(named))
    }
    assert gone == set()


def _stands(page: Path, path: str) -> bool:
    """Tell whether a path is there, from the root or beside the page; a name alone, anywhere."""
    if any(ROOT.glob(path)) or any(page.parent.glob(path)):
        return True
    return "/" not in path and any(any((ROOT / each).rglob(path)) for each in FOLDERS)


def _leads(page: Path, link: str) -> bool:
    name, _, section = link.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not section or section in _sections(path))


def _sections(page: Path) -> set[str]:
    """Return the names of a page's headings, as links write them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {_WORDS.sub("", heading.lower()).replace(" ", "-") for heading in headings}


def _is_there(name: str) -> bool:
    """Tell whether this is a module, or a name inside one."""
    module, _, last = name.rpartition(".")
    try:
        if find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        pass
    return find_spec(module) is not None and hasattr(__import__(module, fromlist=[last]), last)
