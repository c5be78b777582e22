"""Results of commands, as people read them at a terminal and programs in a pipe."""

from __future__ import annotations

import sys

import pytest

from app.cli.common.tables import print_table

TITLES = ("ID", "URL")
ROWS = [("one", None), ("two\x1b[2J", "https://example.com/" + "long-path/" * 8)]


def test_in_a_pipe_each_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(TITLES, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "ID       URL",
        "one      -",
        f"two\ufffd[2J  {ROWS[1][1]}",
    ]


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is printed come out at a terminal of forty columns."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")


def test_at_a_terminal_the_last_column_is_folded_and_nothing_steers_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    print_table(TITLES, ROWS)
    head, first, *folded = capsys.readouterr().out.splitlines()
    assert head.startswith("\x1b[1mID")  # bold
    assert first.split() == ["one", "-"]
    assert len(folded) > 1
    assert all(len(line) <= 40 for line in folded)
    assert "".join(line[9:].strip() for line in folded) == ROWS[1][1]
    assert "\x1b[2J" not in "".join(folded)


def test_an_id_is_never_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    print_table(TITLES, [("i" * 60, "https://example.com/")])
    assert "i" * 60 in capsys.readouterr().out
