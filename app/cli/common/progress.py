"""How far a long command has come: a bar on stderr, so that stdout carries its result only.

A bar is for people: it is shown at a terminal only, and only by what takes a while.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")

#: What is done by then needs no bar.
_SHORT_S = 1.0


def watched(steps: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Yield the steps, and show how many are done once that takes a while."""
    quiet = not sys.stderr.isatty()
    with tqdm(
        total=total, unit=f" {unit}", dynamic_ncols=True, delay=_SHORT_S, disable=quiet
    ) as bar:
        for step in steps:
            yield step
            bar.update()


def print_line(line: bytes | str) -> None:
    """Print a line of the result; where the bar is on the same terminal it makes way."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        with tqdm.external_write_mode():
            click.echo(line)
    else:
        click.echo(line)
