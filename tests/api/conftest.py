"""A whole gateway in this process, on a real Redis, with callers of two accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api import context
from app.domain.accounts.accounts import EVERYTHING, Permissions
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.redis_server import remove_keys

PREFIX = "api:"


@dataclass(frozen=True)
class Asker:
    """Somebody with a key."""

    client: FlaskClient
    secret: str

    def ask(self, method: str, path: str, body: object = None, **more_headers: str) -> TestResponse:
        """Return the answer to a request."""
        headers = {"Authorization": f"Bearer {self.secret}", "X-Request-ID": "same"} | more_headers
        return self.client.open(path, method=method, json=body, headers=headers)

    def create(self, **body: object) -> str:
        """Make a response and return its id."""
        response = self.ask("POST", "/v1/responses", {"model": "local/echo", "input": "Hi", **body})
        assert response.status_code in (200, 202), response.get_data(as_text=True)
        return str(response.get_json()["id"])


@pytest.fixture
def app(redis_url: str) -> Iterator[Flask]:
    remove_keys(redis_url, PREFIX)
    app = create_app(
        Settings(
            providers=(ProviderSettings(name="local", api="local"),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            log_level="CRITICAL",
        )
    )
    yield app
    with app.app_context():
        context.services().meter.book.flush()  # or it would be written into the next test


def asker(app: Flask, account: str, permissions: Permissions = EVERYTHING) -> Asker:
    """Return somebody with a new key of an account."""
    with app.app_context():
        accounts = context.services().accounts
        _, secret = accounts.create_key(account, by="test", permissions=permissions)
    return Asker(app.test_client(), secret)


@pytest.fixture
def owner(app: Flask) -> Asker:
    return asker(app, "owner")


@pytest.fixture
def stranger(app: Flask) -> Asker:
    return asker(app, "stranger")
