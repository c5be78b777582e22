"""Nothing that is made of secrets shows them to who looks at it: in a traceback, a log, a shell."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest
from flask import Flask

from app.api import context
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from app.store.connection.client import connect

UPSTREAM_KEY, REDIS_PASSWORD, PROXY_PASSWORD = "sk-hush-1", "hush-2", "hush-3"
HEADER, BOOTSTRAP = "hush-4", "5" * 64
SECRETS = (UPSTREAM_KEY, REDIS_PASSWORD, PROXY_PASSWORD, HEADER, BOOTSTRAP)
APIS = ("chat_completions", "responses", "anthropic_messages")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(
        providers=tuple(
            ProviderSettings(
                name=api,
                api=api,  # type: ignore[arg-type]  # they are the APIs
                base_url="http://127.0.0.1:9/v1",
                api_key=UPSTREAM_KEY,
                headers={"X-Secret": HEADER},
                proxy=f"http://user:{PROXY_PASSWORD}@127.0.0.1:9",
            )
            for api in APIS
        ),
        redis=RedisSettings(url=f"redis://user:{REDIS_PASSWORD}@127.0.0.1:9"),
        bootstrap_key_sha256=BOOTSTRAP,
        bootstrap_account="first",
        log_level="CRITICAL",
    )


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


def shown(thing: object) -> str:
    """Return how a thing looks, and each part of it."""
    parts: list[object] = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    if is_dataclass(thing):
        parts = [getattr(thing, field.name) for field in fields(thing)]
    return "\n".join(map(repr, (thing, *parts)))


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_settings_show_no_secret(settings: Settings) -> None:
    assert leaked(repr(settings)) == []


def test_the_app_and_its_services_show_no_secret(app: Flask) -> None:
    with app.app_context():
        services = context.services()
    things = [app, services, *(getattr(services, field.name) for field in fields(services))]
    assert leaked("\n".join(map(shown, things))) == []


def test_providers_show_no_secret(app: Flask) -> None:
    with app.app_context():
        catalog = context.services().catalog
    providers = list(catalog._providers.values())
    assert len(providers) == len(APIS)
    assert leaked("\n".join(map(repr, providers))) == []


def test_a_client_of_redis_shows_no_password(settings: Settings) -> None:
    client = connect(settings.redis)
    assert leaked(repr(client)) == []


def frames(error: BaseException) -> Iterator[str]:
    result = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield from result.format()


def test_a_traceback_with_its_variables_shows_no_secret(app: Flask) -> None:
    with app.app_context():
        health = context.services().health
    try:
        health._write()
    except Exception:  # noqa: BLE001 - whichever it is
        error = sys.exc_info()[1]
    assert error is not None
    text = "".join(frames(error))
    assert "_write" in text
    assert leaked(text) == []
