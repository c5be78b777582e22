"""The README's picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.picture import THEMES, draw
from tests.bench.figures import REACHED

ALONE = {name: value for name, value in REACHED.items() if not name.startswith("peers.")}
_SVG = "{http://www.w3.org/2000/svg}"


def drawn(medians: dict[str, float], theme: str = "light") -> ElementTree.Element:
    """Return the picture, which has to be XML."""
    return ElementTree.fromstring(draw(medians, "2030-01-01 & so on", THEMES[theme]))  # noqa: S314


def bars(picture: ElementTree.Element, who: str) -> list[float]:
    """Return the lengths of one server's bars."""
    colour = getattr(THEMES["light"], who)
    _legend, *found = (each for each in picture.iter(f"{_SVG}rect") if each.get("fill") == colour)
    return [float(each.attrib["width"]) for each in found]


def texts(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{_SVG}text")]


@pytest.mark.parametrize("theme", list(THEMES))
def test_it_says_each_figure_with_its_unit(theme: str) -> None:
    output = texts(drawn(ALONE, theme))
    assert "700 µs (ratio 0.50)" in output
    assert {"1,200 µs", "7.0 µs (ratio 0.40)", "2030-01-01 & so on"} <= set(output)


def test_bars_are_as_long_as_their_share() -> None:
    picture = drawn(ALONE)
    shares = [
        ours / floor
        for ours, floor in zip(*(bars(picture, each) for each in ("gateway", "floor")), strict=True)
    ]
    assert shares == pytest.approx([700 / 1200, 0.6, 0.5, 7 / 20], abs=0.01)


def test_the_longest_bars_text_ends_within_the_picture() -> None:
    picture = drawn(ALONE | {"whole.small.gateway": 9_999, "whole.small.ratio": 9.99})
    (result,) = (each for each in picture.iter(f"{_SVG}text") if "9,999" in (each.text or ""))
    wide_letter = 8  # on average, of the size that is set, in a wide font
    assert float(result.attrib["x"]) + wide_letter * len(result.text or "") < float(
        picture.attrib["width"]
    )


def test_a_peer_is_there_where_it_was_measured_with_a_bar_that_is_broken() -> None:
    picture = drawn(REACHED)
    assert len(bars(picture, "peer")) == len(list(picture.iter(f"{_SVG}path"))) == 2
    assert {"LiteLLM's proxy", "14,000 µs", "700 µs"} <= set(texts(picture))
    assert "LiteLLM's proxy" not in texts(drawn(ALONE))
