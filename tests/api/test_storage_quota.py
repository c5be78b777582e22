"""An account that has stored as much as it may."""

from __future__ import annotations

from unittest import mock

import pytest
from flask import Flask

from app.api import context
from app.cli.accounts import accounts
from app.cli.responses import responses
from app.providers.local.provider import LocalProvider
from app.store.responses.redis import RedisStore
from tests.api.conftest import Asker, asker

ASKED = {"model": "local/echo", "input": "Hi"}


def run(app: Flask, *args: str) -> str:
    """Return what an operator's command says."""
    command = {"accounts": accounts, "responses": responses}[args[0]]
    result = app.test_cli_runner().invoke(command, args[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


def bounded(app: Flask, stored_bytes: int) -> Asker:
    """Return the owner, bound to so many bytes, with a key that nobody has seen before."""
    run(app, "accounts", "set-limits", "owner", "--max-stored-bytes", str(stored_bytes))
    return asker(app, "owner")


@pytest.fixture
def full(app: Flask, owner: Asker) -> Asker:
    """An account that has just reached its bound."""
    owner.create()
    return bounded(app, 1)


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}])
def test_a_full_account_is_refused_before_the_upstream_is_asked(
    full: Asker, more: dict[str, object]
) -> None:
    with mock.patch.object(LocalProvider, "answer") as answer:
        response = full.ask("POST", "/v1/responses", ASKED | more)
    error = response.get_json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (
        429,
        "rate_limit_error",
        "storage_quota_exceeded",
    )
    assert response.headers["x-should-retry"] == "false"
    assert "Retry-After" not in response.headers
    assert not answer.called


def test_a_full_account_may_ask_for_what_is_not_stored(full: Asker) -> None:
    full.create(store=False)


def test_a_full_account_may_read_what_it_has(full: Asker, app: Flask) -> None:
    with app.app_context():
        kept = context.services().archive.responses("owner")
    ((found,),) = kept
    assert full.ask("GET", f"/v1/responses/{found.response_id}").status_code == 200


def test_another_account_is_let_in(full: Asker, stranger: Asker) -> None:
    assert full.ask("POST", "/v1/responses", ASKED).status_code == 429
    stranger.create()


def test_a_purge_makes_room(full: Asker, app: Flask) -> None:
    for line in run(app, "responses", "list", "--account", "owner").splitlines()[1:]:
        run(app, "responses", "delete", line.split()[0])
    assert full.ask("POST", "/v1/responses", ASKED).status_code == 429
    run(app, "responses", "purge", "--deleted-before", "9999-01-01", "--yes")
    full.create()


def test_an_account_below_its_bound_is_let_in(app: Flask, owner: Asker) -> None:
    owner.create()
    bounded(app, 1_000_000).create()


def test_without_a_bound_nobody_asks_how_much_is_stored(owner: Asker) -> None:
    with mock.patch.object(RedisStore, "stored_bytes") as patched:
        owner.create()
    assert not patched.called


def test_a_bound_costs_one_look(app: Flask, owner: Asker) -> None:
    owner.create()
    bound = bounded(app, 1_000_000)
    with mock.patch.object(RedisStore, "stored_bytes", return_value=0) as patched:
        bound.create()
    assert patched.call_count == 1
