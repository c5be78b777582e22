"""The documents, and the texts that name files or decisions."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.processes import ROOT

FOLDERS = ("app", "bench", "clients", "deploy", "docs", "tests")
#: What was written down as it was at the time.
_HISTORY = frozenset({"CHANGELOG.md"})
_TEXTS = frozenset({".cfg", ".conf", ".lua", ".md", ".py", ".service", ".toml", ".yaml"})
_NAMED = frozenset({"Containerfile", "Makefile"})


@cache
def documents() -> tuple[Path, ...]:
    """Return every page for people, but for what is history."""
    return tuple(path for path in _texts() if path.suffix == ".md" and path.name not in _HISTORY)


@cache
def sources() -> tuple[Path, ...]:
    """Return what is no page: code, settings, tests."""
    return tuple(path for path in _texts() if path.suffix != ".md")


def relative(path: Path) -> str:
    """Return how the repository calls a file."""
    return str(path.relative_to(ROOT))


@cache
def _texts() -> tuple[Path, ...]:
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    found = (path for path in (*ROOT.glob("*"), *inside) if path.is_file())
    return tuple(sorted(path for path in found if path.suffix in _TEXTS or path.name in _NAMED))
