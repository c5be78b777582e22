"""The table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from bench.rows import Row

_HEAD = ("figure", "measured", "beside", "target", "")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned lines."""
    marks = {True: "reached", False: "MISSED", None: ""}
    lines = [_HEAD, *((r.name, r.value, r.beside, r.target, marks[r.reached]) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
