"""Which files of tests run in one process."""

from __future__ import annotations

import pytest

from tests.scheduling import shared_by


@pytest.mark.parametrize(
    ("one", "other"),
    [("test_responses", "test_stream_bytes"), ("test_faults", "test_websocket")],
    ids=["every gateway", "the default gateway"],
)
def test_files_that_share_gateways_run_together(one: str, other: str) -> None:
    assert shared_by(f"tests/e2e/{one}.py") == shared_by(f"tests/e2e/{other}.py")


@pytest.mark.parametrize(
    "path", ["tests/e2e/test_up.py", "tests/e2e/test_failover.py", "tests/test_scheduling.py"]
)
def test_a_file_without_shared_gateways_runs_wherever_there_is_time(path: str) -> None:
    assert shared_by(path) == path
