"""Diagrams as they are drawn for the site."""

from __future__ import annotations

import re

from tests.docs.graph import DRAWN, drawing
from tests.site.diagram import svg


def test_a_box_stands_below_all_that_point_to_it() -> None:
    drawn = svg("graph TD\n    a\n    b\n    c\n    a --> b\n    b --> c\n    a --> c\n")
    assert drawn is not None
    places = re.findall(r'y="([0-9.]+)">([abc])<', drawn)
    assert [name for _, name in sorted(places, key=lambda each: float(each[0]))] == ["a", "b", "c"]
    assert drawn.count("<path d=") == 3 + 1  # an arrow each, and the head that they share


def test_the_drawing_says_in_words_what_it_shows() -> None:
    assert 'aria-label="a to b"' in (svg("graph TD\n    a --> b\n") or "")


def test_a_diagram_of_another_kind_is_left_as_it_is() -> None:
    assert svg("sequenceDiagram\n    a->>b: Hi\n") is None
    assert svg("graph TD\n    a -- text --> b\n") is None


def test_the_drawings_of_the_architecture_can_be_drawn() -> None:
    for package in DRAWN:
        text = drawing(package).removeprefix("```mermaid\n").removesuffix("```")
        assert "<svg" in (svg(text) or "")
