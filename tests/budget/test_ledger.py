"""A figure that moved too far is complained of, and what is recorded is what was counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.budget import ledger


def _complaints(name: str, then: float, now: float) -> list[str]:
    return list(ledger.complaints("small", {name: then}, {name: now}))


@pytest.mark.parametrize(
    ("name", "then", "now"),
    [
        ("app_calls", 400, 440),
        ("app_calls", 10.2, 11.3),
        ("library_calls", 0, 1),
        ("app_instructions", 12_000, 13_200),
        ("redis_bytes", 500, 550),
        ("client_pieces", 0, 1),
        ("redis_round_trips", 20, 21),
        ("redis_connections", 0, 1),
        ("upstream_connections", 0, 1),
        ("upstream_requests", 1, 1.05),
    ],
)
def test_a_figure_that_has_grown_is_named(name: str, then: float, now: float) -> None:
    (output,) = _complaints(name, then, now)
    assert output.startswith(f"small: {name} has grown from {then} to {now}")


@pytest.mark.parametrize(
    ("name", "then", "now"),
    [
        ("app_calls", 400, 439),
        ("app_calls", 400, 321),
        ("library_calls", 0, 0.1),
        ("library_instructions", 3, 12.9),
        ("redis_bytes", 3, 18),
        ("redis_round_trips", 2, 2),
    ],
)
def test_a_figure_that_hardly_moved_is_as_good_as_recorded(
    name: str, then: float, now: float
) -> None:
    assert _complaints(name, then, now) == []


@pytest.mark.parametrize(
    ("name", "then", "now"), [("app_calls", 400, 320), ("redis_round_trips", 20, 19)]
)
def test_a_gain_is_to_be_recorded(name: str, then: float, now: float) -> None:
    (output,) = _complaints(name, then, now)
    assert output.startswith(f"small: {name} has fallen from {then} to {now}")


def test_a_figure_without_a_budget_is_complained_of() -> None:
    (result,) = ledger.complaints("small", {}, {"app_calls": 400})
    assert "app_calls is not recorded" in result


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "budget.toml"
    counted = {"small": {"redis_bytes": 546, "app_calls": 1_234_567.5}}
    ledger.write(counted, file)
    assert ledger.read(file) == counted


def test_what_hardly_moved_is_not_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "budget.toml"
    ledger.write({"small": {"redis_bytes": 546, "app_calls": 400}}, file)
    ledger.write({"small": {"redis_bytes": 548, "app_calls": 390}}, file)
    assert ledger.read(file) == {"small": {"redis_bytes": 546, "app_calls": 390}}
