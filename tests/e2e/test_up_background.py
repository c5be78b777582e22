"""`responses-gateway up` works on background responses, and tells of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.test_up import Up, folder, key_in, up
from tests.processes import PATIENCE_S, until

__all__ = ["folder"]


@pytest.fixture
def running(folder: Path) -> Iterator[Up]:
    with up(folder) as running:
        yield running


def test_web_tells_what_the_worker_has_done(running: Up, folder: Path) -> None:
    (url,) = [word for word in running.curl if word.startswith("http")]
    name, _, value = key_in(running.curl).partition(": ")
    body = {"model": "local/echo", "input": "hello", "background": True}
    with requests.Session() as session:
        session.headers[name] = value
        queued = session.post(url, json=body, timeout=PATIENCE_S).json()
        path = f"{url}/{queued['id']}?wait=10"
        until(
            lambda: session.get(path, timeout=PATIENCE_S).json()["status"] == "completed", "the end"
        )
        metrics = url.replace("/v1/responses", "/metrics")
        counted = 'gateway_jobs_total{outcome="completed"} 1.0'
        until(lambda: counted in session.get(metrics, timeout=PATIENCE_S).text, counted)
    assert running.end(signal.SIGTERM) == 0
    assert "Killing worker process" not in (folder / "stderr").read_text("utf-8")
