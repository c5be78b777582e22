"""Bars on stderr beside results on stdout."""

from __future__ import annotations

import io

import pytest

from app.cli.progress import tell, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run() -> None:
    for step in watched(["one", "two"], 2, "steps"):
        tell(step)


def test_results_go_to_stdout_and_the_bar_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    told = capsys.readouterr()
    assert told.out == "one\ntwo\n"
    assert "2/2" in told.err


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
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = watched(["one", "two"], 2, "steps")
    assert [next(steps), next(steps)] == ["one", "two"]
    del steps
    assert "1/2" in capsys.readouterr().err
