"""What /readyz shows, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import __version__

OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}


def checks(app: Flask, environ: dict[str, str]) -> Any:
    return app.test_client().get("/readyz", environ_base=environ).json


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", ""])
def test_names_are_shown_on_the_machine_itself(app: Flask, address: str) -> None:
    shown = checks(app, {"REMOTE_ADDR": address})
    assert shown["checks"]["upstreams"] == {"local": "ok"}


@pytest.mark.parametrize(
    "environ",
    [
        OUTSIDE,
        {"REMOTE_ADDR": "no address"},
        *(
            {"REMOTE_ADDR": "127.0.0.1", header: "203.0.113.9"}
            for header in (
                "HTTP_X_FORWARDED_FOR",
                "HTTP_FORWARDED",
                "HTTP_X_REAL_IP",
                "HTTP_VIA",
            )
        ),
    ],
    ids=lambda environ: " ".join(environ),
)
def test_others_see_states_alone(app: Flask, environ: dict[str, str]) -> None:
    shown = checks(app, environ)
    assert (shown["checks"]["upstreams"], "reasons" in shown) == (["ok"], False)


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_that_the_process_lives_is_told_under_two_names(app: Flask, path: str) -> None:
    assert app.test_client().get(path).get_json() == {"status": "ok"}


def test_the_release_is_told_without_a_key(app: Flask) -> None:
    assert app.test_client().get("/version").get_json() == {"version": __version__}


def test_an_answer_says_how_long_it_took_and_an_error_does_not(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/openapi.json").headers["openai-processing-ms"].isdigit()
    assert "openai-processing-ms" not in client.get("/v1/models").headers
