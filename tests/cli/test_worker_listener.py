"""The worker's own address: a probe and metrics, for whoever may reach it."""

from __future__ import annotations

import socket

import pytest
import requests

from app.cli.worker.listener import ListenerTaken, Report, listening
from tests.processes import PATIENCE_S, free_port


def ask(bind: str, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://{bind}{path}", timeout=PATIENCE_S)


@pytest.fixture
def bind() -> str:
    return f"127.0.0.1:{free_port()}"


def metrics() -> bytes:
    return b"jobs 1\n"


def test_it_tells_that_jobs_would_be_taken(bind: str) -> None:
    with listening(bind, lambda: Report(True, ""), metrics):
        answer = ask(bind, "/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_tells_why_none_would_be(bind: str) -> None:
    with listening(bind, lambda: Report(False, "none for 20 s"), metrics):
        answer = ask(bind, "/healthz?verbose")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "none for 20 s"}


def test_it_serves_metrics(bind: str) -> None:
    with listening(bind, lambda: Report(False, "x"), metrics):
        answer = ask(bind, "/metrics")
    assert (answer.content, answer.headers["Content-Type"][:10]) == (b"jobs 1\n", "text/plain")


def test_it_serves_nothing_else(bind: str) -> None:
    with listening(bind, lambda: Report(True, ""), metrics):
        assert ask(bind, "/v1/responses").status_code == 404


def test_it_is_gone_with_the_block(bind: str) -> None:
    with listening(bind, lambda: Report(True, ""), metrics):
        pass
    with pytest.raises(requests.ConnectionError):
        ask(bind, "/healthz")


def test_an_address_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        with (
            pytest.raises(ListenerTaken, match=f"at {bind}: Address already in use"),
            listening(bind, lambda: Report(True, ""), metrics),
        ):
            pass
