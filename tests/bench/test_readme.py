"""A run as docs/speed.md shows it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench.readme import BEGIN, CAPACITY, END, PAGE, caption, inserted, section
from bench.rows import Row

RUN: dict[str, Any] = {
    "date": "2030-01-31T12:00:00+00:00",
    "commit": "abc1234",
    "machine": {"cores": 2, "processor": "A Chip", "python": "3.11.2"},
    "versions": {"flask": "3"},
    "figures": [
        asdict(Row("quick", "1 µs", "floor 2 µs", "3 µs", reached=True)),
        asdict(Row("slow", "9 µs", "", "3 µs", reached=False)),
    ],
}
SAID = "2030-01-31 · commit abc1234 · 2 cores of A Chip · Python 3.11.2"


def test_a_run_is_shown_with_its_targets_and_where_it_was_made() -> None:
    shown = section(RUN, "kept.json")
    assert "| quick | 3 µs | 1 µs | reached | floor 2 µs |" in shown
    assert "| slow | 3 µs | 9 µs | **missed** |  |" in shown
    assert shown.endswith(f"\n\n[{SAID}](../bench/results/kept.json)")


def test_a_peer_is_named_with_its_version() -> None:
    assert caption(RUN | {"versions": {"litellm": "1.2"}}) == f"{SAID} · LiteLLM 1.2"


def test_a_run_takes_the_place_of_the_one_before() -> None:
    before = f"# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n"
    assert inserted(before, "new") == f"# Title\n\n{BEGIN}\nnew\n{END}\n\nrest\n"


@pytest.mark.parametrize("page", [PAGE, CAPACITY], ids=lambda page: page.stem)
def test_a_page_has_a_place_for_it(page: Path) -> None:
    text = page.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
