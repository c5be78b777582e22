"""No request sends more over the wires than what budget.toml says."""

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
    assert list(now) == list(RECORDED), ledger.ADVICE


@pytest.mark.parametrize("scenario", RECORDED)
def test_no_more_goes_over_the_wires(scenario: str, now: Counted) -> None:
    _hold(scenario, {name: n for name, n in now[scenario].items() if not ledger.is_work(name)})


def _hold(scenario: str, counts: Figures) -> None:
    result = list(ledger.complaints(scenario, RECORDED[scenario], counts))
    assert not result, "\n".join([*result, ledger.ADVICE])
