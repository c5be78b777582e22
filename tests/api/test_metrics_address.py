"""What is the platform's and what is callers' are told apart by the socket of a request (N13)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.api.metrics_address import MetricsAddress

HERE, CALLERS = 9464, 8000


class Socket:
    """A connection's end here, at a port; None for one that has gone."""

    def __init__(self, port: int | None) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        if self._port is None:
            raise OSError(9, "Bad file descriptor")
        return "127.0.0.1", self._port


class UnixSocket:
    """A connection by a socket's path."""

    def getsockname(self) -> str:
        return "/run/gateway"


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    for path in ("/healthz", "/metrics", "/v1/models"):
        app.add_url_rule(path, path, lambda: "here")
    MetricsAddress(f"0.0.0.0:{HERE}").register(app)
    return app


@pytest.mark.parametrize(
    ("port", "path", "status"),
    [
        (HERE, "/metrics", 200),
        (HERE, "/healthz", 200),
        (HERE, "/v1/models", 404),
        (CALLERS, "/metrics", 404),
        (CALLERS, "/healthz", 200),
        (CALLERS, "/v1/models", 200),
    ],
)
def test_each_address_has_its_own(app: Flask, port: int, path: str, status: int) -> None:
    own = {"gunicorn.socket": Socket(port)}
    assert app.test_client().get(path, environ_overrides=own).status_code == status


@pytest.mark.parametrize("caller", [None, Socket(None), UnixSocket()], ids=["no", "gone", "path"])
def test_who_comes_by_no_port_is_a_caller(app: Flask, caller: Any) -> None:
    own = {"gunicorn.socket": caller}
    assert app.test_client().get("/metrics", environ_overrides=own).status_code == 404
    assert app.test_client().get("/v1/models", environ_overrides=own).status_code == 200
