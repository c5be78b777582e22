"""The rooms of `app` and what they import, as drawn in docs/architecture.md.

`python -m tests.docs.graph` (`make graph`) draws them anew. A room is a package, or a module beside
packages; an arrow says that something in one room imports something in another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from tests.processes import ROOT

PAGE = ROOT / "docs" / "architecture.md"
#: What is drawn, by the package whose rooms it shows.
DRAWN = ("app", "app.services", "app.store")

Arrows = Mapping[str, frozenset[str]]


def packages() -> list[str]:
    """Return every package that has others inside."""
    folders = (path.parent for path in (ROOT / "app").rglob("__init__.py"))
    return sorted(_name(each) for each in folders if any(each.glob("*/__init__.py")))


def arrows(package: str) -> Arrows:
    """Return for each room directly inside a package which of the others it imports."""
    rooms: dict[str, set[str]] = {}
    for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        room = _room(package, _name(path))
        if room is not None:
            found = rooms.setdefault(room, set())
            found |= {other for target in imports(path) if (other := _room(package, target))}
    return {room: frozenset(others & rooms.keys() - {room}) for room, others in rooms.items()}


@cache
def imports(path: Path) -> frozenset[str]:
    """Return what a file imports, by its full name; what is imported from it may be a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return frozenset(found)


def without_what_follows(given: Arrows) -> Arrows:
    """Return the arrows without those that follow from others; there must be no circle."""
    reached: dict[str, frozenset[str]] = {}

    def reach(room: str) -> frozenset[str]:
        if room not in reached:
            reached[room] = given[room].union(*(reach(other) for other in given[room]))
        return reached[room]

    return {
        room: others - frozenset[str]().union(*(reach(other) for other in others))
        for room, others in given.items()
    }


def drawing(package: str) -> str:
    """Return the rooms of a package as Mermaid draws them, between the page's markers."""
    rooms = without_what_follows(arrows(package))
    lines = [f"    {room}" for room in sorted(rooms)]
    lines += [f"    {room} --> {other}" for room in sorted(rooms) for other in sorted(rooms[room])]
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


def drawn(page: str, packages: Iterable[str] = DRAWN) -> str:
    """Return a page with each drawing as it is to be.

    Raises:
        ValueError: a drawing's markers are missing.
    """
    for package in packages:
        begin, end = f"<!-- rooms of {package}: begin, written by `make graph` -->", "<!-- end -->"
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"the page lacks the markers of {package}")
        page = f"{before}{begin}\n{drawing(package)}\n{end}{after}"
    return page


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def _room(package: str, name: str) -> str | None:
    """Return the room of a package that a module, or a name inside one, is in."""
    inside = name.removeprefix(package + ".")
    if inside == name:
        return None
    room = inside.partition(".")[0]
    place = ROOT / package.replace(".", "/") / room
    return room if place.is_dir() or place.with_suffix(".py").is_file() else None


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
