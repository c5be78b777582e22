"""The page of commands names all there are."""

from __future__ import annotations

import click
import pytest

from app.cli.root import main
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_each_command_stands_on_the_page_with_what_it_groups(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| ") and name in _names(line)]
    command = main.get_command(click.Context(main), name)
    if isinstance(command, click.Group):
        parts = command.list_commands(click.Context(command))
        assert [each for each in parts if f"`{each}`" not in row] == []


def _names(row: str) -> set[str]:
    """Return the names in a row's first cell, without what is given to them."""
    quoted = row.removeprefix("| ").partition(" | ")[0].split("`")[1::2]
    return {words.split()[0] for words in quoted}
