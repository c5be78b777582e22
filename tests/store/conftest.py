"""Fixtures of the stores' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_server import running


@pytest.fixture(scope="module")
def urls(cluster_url: str) -> Iterator[dict[str, str]]:
    """Two Redises that may be emptied."""
    with running() as url:
        yield {"single": url, "cluster": cluster_url}
