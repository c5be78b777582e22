"""The upstream and the gateways of the end-to-end tests, each started when first needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import openai
import pytest

from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.stops import GRACE_S, Site, site
from tests.e2e.workers import WorkerProcess, working
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """The model server behind all gateways."""
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateways' files are."""
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="session")
def environment(redis_url: str, upstream: Upstream, directory: Path) -> dict[str, str]:
    """What the gateway's processes are told from outside; streams are silent for 15 s as ever."""
    config = directory / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    return gateways.environment(redis_url, config, UPSTREAM_KEY=UPSTREAM_KEY)


@pytest.fixture(scope="module")
def worker(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """A job worker for the tests of one module, as it is deployed."""
    with working(environment, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture(scope="session")
def with_faults(environment: dict[str, str], upstream: Upstream, directory: Path) -> dict[str, str]:
    """That of the gateways that most tests share, which have a provider for each fault, too."""
    config = directory / "faults.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15, with_faults=True))
    return environment | {"GATEWAY_CONFIG": str(config)}


@pytest.fixture(scope="session")
def keys(environment: dict[str, str]) -> Keys:
    """A key of each of two accounts."""
    return Keys(*(gateways.make_key(account, environment) for account in ("acme", "rival")))


@pytest.fixture(scope="session")
def gevent_gateway(with_faults: dict[str, str], keys: Keys, directory: Path) -> Iterator[Gateway]:
    """The gateway as it runs by default, in two processes."""
    with gateways.running(with_faults, keys, directory, "gevent", 2) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def gthread_gateway(with_faults: dict[str, str], keys: Keys, directory: Path) -> Iterator[Gateway]:
    """The gateway on threads."""
    with gateways.running(with_faults, keys, directory, "gthread", 1) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def impatient_gateway(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """The gateway as it runs by default, but with streams that are soon kept alive."""
    directory = tmp_path_factory.mktemp("impatient")
    config = directory / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=0.5))
    env = environment | {"GATEWAY_CONFIG": str(config)}
    with gateways.running(env, keys, directory, "gevent", 1) as gateway:
        yield gateway


@pytest.fixture
def gateway(gevent_gateway: Gateway) -> Gateway:
    """The gateway as it runs by default."""
    return gevent_gateway


@pytest.fixture(params=["gevent", "gthread"])
def either_gateway(request: pytest.FixtureRequest) -> Gateway:
    """The gateway on each class of worker in turn."""
    return cast(Gateway, request.getfixturevalue(f"{request.param}_gateway"))


@pytest.fixture
def openai_client(either_gateway: Gateway) -> Iterator[openai.OpenAI]:
    """OpenAI's own client; it tries everything once."""
    base_url = either_gateway.url + "/v1"
    with openai.OpenAI(base_url=base_url, api_key=either_gateway.keys.own, max_retries=0) as client:
        yield client


@pytest.fixture(params=["gevent", "gthread"])
def running(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
) -> Iterator[Site]:
    """A gateway of the test's own, to stop or to reload, on each class of worker in turn."""
    upstream.reset()
    toml = gateway_toml(upstream.places, keepalive_s=15, grace_s=GRACE_S)
    with site(environment, keys, tmp_path, toml, worker_class=request.param) as running:
        yield running
