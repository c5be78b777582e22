"""What tests of several rooms share: one Redis for the whole run, and one Cluster."""

from __future__ import annotations

from collections.abc import Iterator

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what waits for processes begin first, so that the quick tests fill in at the end."""
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
