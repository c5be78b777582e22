"""`make fuzz` looks far longer than an ordinary run: about five minutes on two cores."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.fuzz.gateway import ANSWERS

_SENT = "fuzz_answers"

settings.register_profile(
    "fuzz",
    settings.get_profile("default"),
    max_examples=4_000,
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have the process that reports know what this one counted, where there are several."""
    sent: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if sent is not None:
        sent[_SENT] = dict(ANSWERS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a process counted."""
    ANSWERS.update(getattr(node, "workeroutput", {}).get(_SENT, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many requests were answered, and how."""
    if ANSWERS:
        result = ", ".join(f"{status}: {times:,}" for status, times in sorted(ANSWERS.items()))
        terminalreporter.write_line(f"fuzzing: {ANSWERS.total():,} requests answered; {result}")
