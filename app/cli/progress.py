"""How far a long command has come: a bar on stderr, so that stdout carries its result only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")


def watched(steps: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Yield the steps, and show how many are done."""
    with tqdm(total=total, unit=f" {unit}", dynamic_ncols=True) as bar:
        for step in steps:
            yield step
            bar.update()


def tell(line: bytes | str) -> None:
    """Print a line of the result; where the bar is on the same terminal it makes way."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        with tqdm.external_write_mode():
            click.echo(line)
    else:
        click.echo(line)
