"""A whole gateway in this process, which counts what it answers."""

from __future__ import annotations

import atexit
import hashlib
from collections import Counter
from contextlib import ExitStack

from flask import Flask

from app.api.http.response import WSGIResponse
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.redis_server import running

SECRET = "sk-" + "f" * 64
HEADERS = {"Authorization": f"Bearer {SECRET}"}
MODEL = "local/echo"
#: How often each status was answered in this run of the tests.
ANSWERS: Counter[int] = Counter()


def gateway() -> Flask:
    """Return a gateway that knows SECRET and serves MODEL, on a Redis of this process's own."""
    resources = ExitStack()
    atexit.register(resources.close)  # schemathesis wants the application at import
    redis_url = resources.enter_context(running())
    settings = Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        bootstrap_key_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
        bootstrap_account="fuzz",
        redis=RedisSettings(url=redis_url, prefix="f:"),
        log_level="CRITICAL",
    )
    app = create_app(settings)
    app.after_request(_count)
    return app


def _count(response: WSGIResponse) -> WSGIResponse:
    ANSWERS[response.status] += 1
    return response


def stored(app: Flask) -> str:
    """Return the id of a response that was just made."""
    body = {"model": MODEL, "input": "Hi"}
    response = app.test_client().post("/v1/responses", json=body, headers=HEADERS)
    return str(response.get_json()["id"])
