"""What a key permits, and for how long."""

from __future__ import annotations

import pytest

from app.domain.accounts.accounts import (
    UNLIMITED,
    Account,
    Allowance,
    ApiKey,
    Permissions,
    Secret,
    caller_of,
    is_account_name,
    model_allowed,
)
from app.settings import LimitSettings

ACCOUNT = Account(name="acme", created_at=1)
KEY = ApiKey(id="key_1", account="acme", created_at=1, secrets=(Secret(sha256="aa"),))
DEFAULTS = LimitSettings(requests_per_minute=60, max_stored_bytes=1000)


@pytest.mark.parametrize(
    ("globs", "model", "allowed"),
    [
        ((), "gpt-5", True),
        (("gpt-*",), "gpt-5", True),
        (("gpt-*",), "GPT-5", False),
        (("gpt-*",), "openai/gpt-5", False),
        (("*/gpt-*", "o[13]"), "openai/gpt-5", True),
        (("*/gpt-*", "o[13]"), "o2", False),
    ],
)
def test_a_key_may_use_the_models_of_its_globs(
    globs: tuple[str, ...], model: str, allowed: bool
) -> None:
    assert model_allowed(globs, model) is allowed


@pytest.mark.parametrize("name", ["acme", "a", "team-1@acme.example", "A" * 64])
def test_an_account_may_have_a_plain_name(name: str) -> None:
    assert is_account_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a\n", "a{b}", "a:b", "é", "A" * 65])
def test_an_account_has_no_name_that_would_need_quoting(name: str) -> None:
    assert not is_account_name(name)


def test_an_account_without_limits_of_its_own_has_the_default_ones() -> None:
    caller = caller_of(KEY, ACCOUNT, DEFAULTS)
    assert caller.account_limits == Allowance(requests_per_minute=60)


def test_an_account_s_own_limit_goes_before_the_default() -> None:
    account = Account(name="acme", created_at=1, limits=Allowance(requests_per_minute=5))
    assert caller_of(KEY, account, DEFAULTS).account_limits.requests_per_minute == 5


def test_an_account_can_be_freed_of_a_default_limit() -> None:
    account = Account(name="acme", created_at=1, max_stored_bytes=UNLIMITED)
    assert caller_of(KEY, account, DEFAULTS).max_stored_bytes is None


def test_a_key_has_no_limits_but_its_own() -> None:
    assert caller_of(KEY, ACCOUNT, DEFAULTS).key_limits == Allowance()


@pytest.mark.parametrize(("of_account", "of_key"), [(True, False), (False, True)])
def test_nothing_is_stored_when_account_or_key_forbid_it(of_account: bool, of_key: bool) -> None:
    account = Account(name="acme", created_at=1, force_no_store=of_account)
    permissions = Permissions(force_no_store=of_key)
    key = ApiKey(id="k", account="acme", created_at=1, secrets=(), permissions=permissions)
    assert caller_of(key, account, DEFAULTS).force_no_store


@pytest.mark.parametrize(
    ("of_key", "of_secret", "expiry"),
    [(None, None, None), (5, None, 5), (None, 7, 7), (5, 7, 5), (7, 5, 5)],
)
def test_a_secret_expires_with_its_key_or_before(
    of_key: int | None, of_secret: int | None, expiry: int | None
) -> None:
    secrets = (Secret(sha256="old", expires_at=of_secret), Secret(sha256="new"))
    key = ApiKey(id="k", account="a", created_at=1, secrets=secrets, expires_at=of_key)
    assert key.secret_expiry("old") == expiry


def test_a_key_was_last_used_when_any_of_its_secrets_was() -> None:
    secrets = (Secret(sha256="a", last_used_at=9), Secret(sha256="b"), Secret(sha256="c"))
    assert ApiKey(id="k", account="a", created_at=1, secrets=secrets).last_used_at == 9
