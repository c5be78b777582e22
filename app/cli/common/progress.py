"""The progress of a long command: a bar on stderr, so that stdout carries only its result.

A bar is for people: it is shown only at a terminal, and only by a command that takes a while.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")

#: A command that ends within this many seconds needs no bar.
_SHORT_S = 1.0


def watched(steps: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Yield the steps; once that takes a while, show a bar of how many are done."""
    quiet = not sys.stderr.isatty()
    with tqdm(
        total=total, unit=f" {unit}", dynamic_ncols=True, delay=_SHORT_S, disable=quiet
    ) as bar:
        for step in steps:
            yield step
            bar.update()


def print_line(line: str) -> None:
    """Print a line of the result; a bar on the same terminal makes way for it."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        with tqdm.external_write_mode():
            click.echo(line)
    else:
        click.echo(line)
