"""What tests of several rooms share: one Redis for the whole run, and one Cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from app.logs.lines import identify
from tests.redis_cluster import running_cluster
from tests.redis_server import running

# Hypothesis' own limits are of the clock on the wall, which says how busy the machine is.
settings.register_profile(
    "any-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


#: What takes minutes, and tries what changes seldom: `make thorough` runs it, `make test` does not.
THOROUGH = (
    "tests/browser/",
    "tests/deploy/test_sbom.py",
    "tests/e2e/test_patient_jobs.py",
    "tests/e2e/test_rolling.py",
    "tests/e2e/test_scale_out.py",
    "tests/e2e/test_stops_seldom.py",
    "tests/e2e/test_up_faults.py",
    "tests/e2e/test_worker_deploys.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves out, and have what waits for processes begin first.

    The quick tests fill in at the end.
    """
    root = Path(__file__).parent.parent
    for item in items:
        if item.path.relative_to(root).as_posix().startswith(THOROUGH):
            item.add_marker(pytest.mark.thorough)
    items.sort(key=lambda item: "/tests/e2e/" not in item.path.as_posix())


@pytest.fixture(scope="module", autouse=True)
def _log_as_it_comes() -> None:
    """Forget how the last module's gateway was to log, and of whom: both differ between runs."""
    structlog.reset_defaults()
    identify()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis that all tests of a process share, each under a prefix of its own.

    It refuses to be emptied: that would take the keys of gateways that other tests run on it.
    """
    with running("--rename-command", "FLUSHALL", "", "--rename-command", "FLUSHDB", "") as url:
        yield url


@pytest.fixture(scope="module")
def own_redis_url() -> Iterator[str]:
    """The URL of a Redis that only this module uses, to be emptied, or read as a whole."""
    with running() as url:
        yield url


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The URL of a Cluster of three masters, which any test may empty."""
    with running_cluster() as url:
        yield url
