"""What tests of several rooms share: one Redis for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_server import running


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis; a test that wants it empty takes a prefix of its own."""
    with running() as url:
        yield url
