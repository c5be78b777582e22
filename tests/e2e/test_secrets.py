"""What the processes of a gateway keep to themselves."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, running_worker
from tests.processes import until


def processes(gateway: Gateway) -> list[psutil.Process]:
    """Return gunicorn's processes, those that listen on the gateway's port."""
    port = urlsplit(gateway.url).port
    listening = {
        each.pid
        for each in psutil.net_connections("tcp4")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    }
    return [psutil.Process(pid) for pid in listening if pid]


@pytest.mark.skipif(not psutil.LINUX, reason="asks Linux for another process's limits")
def test_the_web_leaves_no_core(either_gateway: Gateway) -> None:
    web = processes(either_gateway)
    assert web
    assert {process.rlimit(psutil.RLIMIT_CORE) for process in web} == {(0, 0)}


@pytest.mark.skipif(not psutil.LINUX, reason="asks Linux for another process's limits")
def test_the_worker_leaves_no_core(environment: dict[str, str], tmp_path: Path) -> None:
    def limits() -> set[tuple[int, int]]:
        children = psutil.Process(started.pid).children(recursive=True)
        return {child.rlimit(psutil.RLIMIT_CORE) for child in children}

    with running_worker(environment, tmp_path / "worker.log") as started:
        until(lambda: (0, 0) in limits(), "a process of the worker that leaves no core")


def test_no_key_is_on_a_command_line(gevent_gateway: Gateway) -> None:
    shown = " ".join(part for each in processes(gevent_gateway) for part in each.cmdline())
    secrets = (UPSTREAM_KEY, gevent_gateway.keys.own, gevent_gateway.keys.foreign)
    assert "gunicorn" in shown
    assert [secret for secret in secrets if secret in shown] == []
