"""What came of the trials, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clients.catalog import Client


class AnyTrial(Protocol):
    """Something that is tried on every format."""

    @property
    def client(self) -> Client: ...

    @property
    def mode(self) -> str: ...

    @property
    def answers(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A trial, and what went wrong with it by format."""

    trial: AnyTrial
    faults: Mapping[str, Sequence[str]]

    @property
    def failed(self) -> bool:
        return any(self.faults.values())

    def result(self, format_: str) -> str:
        """Return what came of it on a format."""
        if format_ not in self.faults:
            return "-"
        return "FAILED" if self.faults[format_] else "ok"


def table(rows: Sequence[Row], formats: Sequence[str]) -> str:
    """Return a line for each trial, a column for each format."""
    head = ["client", "keeps", "answers", *formats]
    body = [
        [
            row.trial.client.name,
            row.trial.mode,
            row.trial.answers,
            *(row.result(name) for name in formats),
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return "\n".join(
        _joined(cells, widths) for cells in (head, ["-" * width for width in widths], *body)
    )


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(padded)} |"
