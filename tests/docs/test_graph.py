"""The drawings in docs/architecture.md are what the imports say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.docs.graph import PAGE, arrows, drawn, packages, without_what_follows
from tests.processes import ROOT


def test_the_drawings_are_current() -> None:
    assert drawn(PAGE.read_text()) == PAGE.read_text(), "`make graph` draws them anew"


@pytest.mark.parametrize("package", packages())
def test_rooms_import_one_another_in_no_circle(package: str) -> None:
    assert _circle(arrows(package)) == frozenset()


def test_every_room_has_a_row_that_says_what_is_in_it() -> None:
    named = {word for word in PAGE.read_text().split("`") if word.startswith("app/")}
    rooms = {(f"app/{room}", f"app/{room}.py") for room in arrows("app")}
    assert [room for room in rooms if not named.intersection(room)] == []


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    given = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset[str]()}
    assert without_what_follows(given) == given | {"a": frozenset("b")}


def test_a_module_is_the_room_of_what_is_imported_from_it() -> None:
    assert "errors" in arrows("app")["api"]
    assert (ROOT / "app" / "errors.py").is_file()


def _circle(given: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the rooms that are in a circle, or import one that is."""
    left = dict(given)
    while free := [room for room, others in left.items() if not others & left.keys()]:
        for room in free:
            del left[room]
    return frozenset(left)
