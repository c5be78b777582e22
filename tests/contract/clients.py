"""Clients of an app in this process, each with an API key of its own."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.api import context
from app.domain.accounts.accounts import Permissions


def client_of(app: Flask, account: str = "acme", **permissions: Any) -> FlaskClient:
    """Return a client with a new key of an account, which may do what `permissions` say."""
    may = Permissions(**permissions)
    with app.app_context():
        _, secret = context.services().accounts.create_key(account, by="test", permissions=may)
    client: FlaskClient = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client
