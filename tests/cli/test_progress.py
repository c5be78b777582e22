"""Bars on stderr beside results on stdout."""

from __future__ import annotations

import io

import pytest

from app.cli.common import progress
from app.cli.common.progress import print_line, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every step be one of those that take a while."""
    monkeypatch.setattr(progress, "_SHORT_S", 0.0)


def run() -> None:
    for step in watched(["one", "two"], 2, "steps"):
        print_line(step)


def test_results_go_to_stdout_and_the_bar_to_the_terminal_of_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    run()
    assert capsys.readouterr().out == "one\ntwo\n"
    assert "2/2" in screen.getvalue()


def test_there_is_no_bar_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr() == ("one\ntwo\n", "")


def test_there_is_no_bar_for_what_is_soon_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SHORT_S", 60.0)
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    run()
    assert screen.getvalue() == ""


def test_the_bar_makes_way_for_results_on_its_own_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}", screen)
    run()
    shown = screen.getvalue().split("\r")
    assert [line for line in shown if line.endswith("\n")][:2] == ["one\n", "two\n"]


def test_a_bar_that_is_not_walked_to_its_end_shows_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    steps = watched(["one", "two"], 2, "steps")
    assert [next(steps), next(steps)] == ["one", "two"]
    del steps
    assert "1/2" in screen.getvalue()
