"""No request costs more than what budget.toml says, counted on the machine that runs this."""

from __future__ import annotations

import pytest

from tests.budget import ledger
from tests.budget.ledger import Figures
from tests.budget.running import counted

RECORDED = ledger.read()

Counted = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def now() -> Counted:
    """What every scenario costs now."""
    return counted()


def test_everything_that_is_counted_has_a_budget(now: Counted) -> None:
    assert list(now) == list(RECORDED)


@pytest.mark.parametrize("scenario", RECORDED)
def test_no_more_goes_over_the_wires(scenario: str, now: Counted) -> None:
    counts = now[scenario]
    traffic = {name: n for name, n in counts.items() if ledger.kind_of(name) not in ledger.WORK}
    _hold(scenario, traffic)


@pytest.mark.parametrize("scenario", RECORDED)
def test_the_interpreter_does_no_more(scenario: str, now: Counted) -> None:
    counts = now[scenario]
    work = {name: n for name, n in counts.items() if ledger.kind_of(name) in ledger.WORK}
    if not work.keys() & RECORDED[scenario].keys():
        pytest.skip(f"no work is recorded with Python {ledger.PYTHON}")
    _hold(scenario, work)


def _hold(scenario: str, counts: Figures) -> None:
    told = list(ledger.complaints(scenario, RECORDED[scenario], counts))
    assert not told, "\n".join(told)
