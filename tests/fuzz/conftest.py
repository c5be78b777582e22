"""`pytest tests/fuzz --hypothesis-profile=fuzz` looks far longer than an ordinary run."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.fuzz.gateway import ANSWERS

settings.register_profile("fuzz", max_examples=10_000, deadline=None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many requests were answered, and how."""
    if ANSWERS:
        told = ", ".join(f"{status}: {times:,}" for status, times in sorted(ANSWERS.items()))
        terminalreporter.write_line(f"fuzzing: {ANSWERS.total():,} requests answered; {told}")
