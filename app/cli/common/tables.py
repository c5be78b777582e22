"""Tables of the operator's commands, at a terminal and in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Minimum width to which the last column is folded.
_LEAST_FOLDED = 24


def print_table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a result for people: columns as wide as they need to be, "-" for None.

    At a terminal the titles are bold and only the last column is folded, since ids are copied. In a
    pipe each row is one line. What could control a terminal is replaced: names come from callers.
    """
    cells = [["-" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    whole = [list(titles), *cells]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    if sys.stdout.isatty():
        _print_rich(titles, cells, widths)
        return
    for row in whole:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_rich(titles: Sequence[str], rows: list[list[str]], widths: list[int]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1], overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    fixed = sum(widths[:-1]) + 2 * (len(widths) - 1)
    console.width = max(console.width, fixed + min(widths[-1], _LEAST_FOLDED))
    console.print(table)


def printable(cell: str, besides: str = "") -> str:
    """Return a cell without what could control a terminal, or end its row.

    The characters of `besides` remain.
    """
    if cell.isprintable():
        return cell
    return "".join(c if c.isprintable() or c in besides else "\ufffd" for c in cell)
