"""What tests of several rooms share: one Redis for the whole run, and one Cluster."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import redis.utils
import structlog
from hypothesis import HealthCheck, settings

from app.logs.lines import identify
from tests.gateway_threads import end_with_their_redis
from tests.line_counter import LineCounter, read_sources_once
from tests.processes import ROOT
from tests.redis_cluster import running_cluster
from tests.redis_server import running
from tests.scheduling import SharedGateways
from tests.terse_worker import make_terse

# Who works behind a proxy has it named here; nothing that tests ask is beyond it.
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    for _spelling in (_name, _name.upper()):
        os.environ.pop(_spelling, None)  # noqa: TID251 - it is the tests' own

# jsonschema would make forty parsers of it, in five seconds of each process, to check forms of URIs
# that no schema of ours names.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# redis-py reads its version out of its package's metadata, in 0.4 ms for each connection; those of
# the gateway are told it, and tests have many thousands of their own.
redis.utils.get_lib_version = cache(redis.utils.get_lib_version)

# Hypothesis' own limits are of the clock on the wall, which says how busy the machine is. What it
# tries is the same each time: who looks for something new runs `make fuzz`.
settings.register_profile(
    "any-machine",
    settings(),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any-machine")


#: What takes minutes, and tries what changes seldom: `make thorough` runs it, `make test` does not.
THOROUGH = (
    "tests/browser/",
    "tests/deploy/test_sbom.py",
    "tests/e2e/test_job_failover.py",
    "tests/e2e/test_patient_jobs.py",
    "tests/e2e/test_rolling.py",
    "tests/e2e/test_scale_out.py",
    "tests/e2e/test_slot_moves.py",
    "tests/e2e/test_stops_seldom.py",
    "tests/e2e/test_up_faults.py",
    "tests/e2e/test_worker_deploys.py",
    "tests/store/test_failover.py",
)

#: What tries in many ways what other tests have run the lines of, or does so in other processes.
#: MEASURED: to count lines takes two and a half times as long.
UNCOUNTED = (
    "tests/api/test_errors.py",
    "tests/api/test_garbage.py",
    "tests/api/test_isolation.py",
    "tests/api/test_permissions.py",
    "tests/api/test_unknown_parameters.py",
    "tests/bench/",
    "tests/compat/",
    "tests/contract/test_account_stores.py",
    "tests/contract/test_budget_stores.py",
    "tests/contract/test_case_faults",
    "tests/contract/test_case_siblings.py",
    "tests/contract/test_cases",
    "tests/contract/test_client_histories.py",
    "tests/contract/test_histories.py",
    "tests/contract/test_key_pools.py",
    "tests/contract/test_layouts.py",
    "tests/contract/test_parameters.py",
    "tests/contract/test_providers",
    "tests/contract/test_rate_limit_stores.py",
    "tests/contract/test_stores",
    "tests/contract/test_usage_stores.py",
    "tests/deploy/",
    "tests/docs/",
    "tests/domain/test_api_keys.py",
    "tests/domain/test_call_end.py",
    "tests/domain/test_json_reader.py",
    "tests/domain/test_narrate.py",
    "tests/e2e/",
    "tests/fuzz/",
    "tests/observability/",
    "tests/providers/test_http_provider.py",
    "tests/providers/test_own_mistakes.py",
    "tests/schemas/test_body_memory.py",
    "tests/schemas/test_hosted_items.py",
    "tests/schemas/test_lengths.py",
    "tests/schemas/test_openapi.py",
    "tests/schemas/test_stored_events.py",
    "tests/schemas/test_wire_bytes.py",
    "tests/services/test_call_metrics.py",
    "tests/site/",
    "tests/snippets/",
    "tests/store/test_archive.py",
    "tests/store/test_conversations.py",
    "tests/store/test_jobs.py",
    "tests/store/test_live_streams.py",
    "tests/store/test_redis.py",
    "tests/test_house.py",
    "tests/test_packaging.py",
    "tests/test_redaction.py",
    "tests/test_security_md.py",
    "tests/upstream/",
)
#: Of these, what starts processes that run what no test runs in its own: web and the worker.
COUNTED_PROCESSES = "tests/e2e/test_up_background.py"
#: What waits for processes for half of its time, in which others can go on.
WAITING = ("tests/snippets/", "tests/e2e/")

_COUNTER = pytest.StashKey[LineCounter]()


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Let threads of gateways end with their Redis, and collect tests without collecting garbage.

    A hundred thousand objects are made meanwhile, all of which stay.
    """
    end_with_their_redis()
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have processes report less; count lines in tests only, which halves collection's time.

    What modules do as they are imported, tests/test_imports.py has counted.
    """
    make_terse(session.config)
    if session.config.pluginmanager.hasplugin("_cov"):
        session.config.stash[_COUNTER] = LineCounter()
        read_sources_once()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SharedGateways | None:
    """Have files that share gateways run in one process; those of THOROUGH take minutes each."""
    is_meant = config.getoption("dist") == "loadfile" and config.getoption("-m") != "thorough"
    return SharedGateways(config, log) if is_meant else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Have each of several processes begin with other tests, as they are imported.

    MEASURED: where nothing is compiled yet, as in a fresh clone, that takes eleven of the 23 CPU
    seconds in which tests are collected, and each process did it for all of them.
    """
    own: Mapping[str, str] | None = getattr(session.config, "workerinput", None)
    if own is not None:
        number, count = int(own["workerid"].removeprefix("gw")), int(own["workercount"])
        paths = sorted(ROOT.glob("tests/**/test_*.py"))
        begin = len(paths) * number // count
        for path in paths[begin:] + paths[:begin]:
            with suppress(Exception, pytest.skip.Exception):  # who collects it says what is wrong
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Count lines in all tests but UNCOUNTED ones."""
    counter = item.config.stash.get(_COUNTER, None)
    if counter is not None:
        path = _file(item)
        is_counted = not path.startswith(UNCOUNTED)
        counter.count(is_counted)
        counter.count_processes(is_counted or path == COUNTED_PROCESSES)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: Any
) -> Generator[None, object, object]:
    """Count lines where a fixture is made for the first time: they are the same each time.

    MEASURED: a twelfth of what tests took that have an application each, and no line is missing.
    """
    counter = request.config.stash.get(_COUNTER, None)
    if counter is None:
        return (yield)
    with counter.counting_once((fixturedef.baseid, fixturedef.argname, request.param_index)):
        return (yield)


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but never again what the tests are made of."""
    gc.enable()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves out, and mix what waits with what works."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        path = _file(item)
        if path.startswith(THOROUGH):
            item.add_marker(pytest.mark.thorough)
        files.setdefault(path, []).append(item)
    # The longest of all is begun first, and those that wait before the end, lest one go on alone.
    waiting = [path for kind in WAITING for path in files if path.startswith(kind)]
    working = [path for path in files if not path.startswith(WAITING)]
    places = {path: number / len(waiting) * 0.8 for number, path in enumerate(waiting)}
    places |= {path: number / len(working) for number, path in enumerate(working)}
    items[:] = (item for path in sorted(files, key=places.__getitem__) for item in files[path])


def _file(item: pytest.Item) -> str:
    """Return the file of a test by its path from the root."""
    return item.nodeid.partition("::")[0]


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
