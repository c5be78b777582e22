"""The measures of the house: how long, how many beside each other, and which names there are not.

What a reader can hold in mind at once, and one word for one thing (docs/glossary.md).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.processes import ROOT

LONGEST_FILE = 300
LONGEST_FUNCTION = 50
MOST_MODULES = 12
#: Words that have stood for many things, each of which has a name of its own.
VAGUE = re.compile(
    r"(^|_)(told|asked|held|heard|shown|said)(_|$)|(Told|Asked|Held|Heard|Shown|Said)(?![a-z])"
)


@cache
def files() -> dict[Path, ast.Module]:
    """Return what is in each file of the application, by its path from the root."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text())
        for path in sorted((ROOT / "app").rglob("*.py"))
    }


def test_no_file_is_long() -> None:
    lengths = {path: (ROOT / path).read_text().count("\n") for path in files()}
    assert [f"{path} {n}" for path, n in lengths.items() if n > LONGEST_FILE] == []


def test_no_function_is_long() -> None:
    found = [
        f"{path}:{node.name} {length}"
        for path, tree in files().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert found == []


def test_few_modules_stand_beside_each_other() -> None:
    beside: defaultdict[Path, int] = defaultdict(int)
    for path in files():
        beside[path.parent] += path.name != "__init__.py"
    assert [f"{folder} {n}" for folder, n in beside.items() if n > MOST_MODULES] == []


def test_no_name_says_only_that_something_was_told_or_asked() -> None:
    found = {
        f"{path}:{name}"
        for path, tree in files().items()
        for name in (path.stem, *names(tree))
        if VAGUE.search(name)
    }
    assert sorted(found) == []


@pytest.mark.parametrize("name", ["told", "_asked_at", "held_by", "ToldItem", "NotAsked", "shown"])
def test_such_a_name_is_found(name: str) -> None:
    assert VAGUE.search(name)


@pytest.mark.parametrize("name", ["withheld", "threshold", "untold", "task", "Holder"])
def test_a_word_that_only_has_those_letters_is_none(name: str) -> None:
    assert not VAGUE.search(name)


def test_no_two_public_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in files().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert [f"{name} {' '.join(found)}" for name, found in twice.items()] == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    graph = grimp.build_graph("app", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert in_circles(imports) == set()


def test_a_circle_is_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str](), "e": {"b"}}
    assert in_circles(imports) == {"b", "c"}


def names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module gives to something, or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.arg(arg=name) | ast.Name(id=name):
                yield name
            case ast.Attribute(attr=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case _:
                pass


def in_circles(imports: Mapping[str, set[str]]) -> set[str]:
    """Return what stands in a circle of imports, or between two."""
    left = set(imports)
    while free := {
        name
        for name in left
        if not imports[name] & left or not any(name in imports[other] for other in left)
    }:
        left -= free
    return left
