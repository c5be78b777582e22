"""The table on the terminal."""

from __future__ import annotations

from bench.rows import Row
from bench.table import table


def test_columns_are_aligned_and_marked() -> None:
    result = table(
        [
            Row("quick", "1 µs", "floor 2 µs", "3 µs", reached=True),
            Row("rather slow", "1,000 µs", target="3 µs", reached=False),
            Row("plain", "5"),
        ]
    )
    assert result.splitlines() == [
        "figure       measured  beside      target",
        "quick        1 µs      floor 2 µs  3 µs    reached",
        "rather slow  1,000 µs              3 µs    MISSED",
        "plain        5",
    ]
