"""Callers with a token: what is remembered of them, and what happens without Redis or an issuer."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import jwt
import pytest

from app.domain.accounts.accounts import Allowance, Permissions, Principal
from app.errors import GatewayError, StorageUnavailable, Unauthenticated, Unavailable
from app.services.accounts.service import Accounts
from app.services.accounts.tokens.key_set import KeySet
from app.services.accounts.tokens.verifier import TokenVerifier
from app.settings import IssuerSettings, LimitSettings
from tests.services.account_stores import TestbedAccountStore
from tests.services.clocks import Clock
from tests.tokens import AUDIENCE, ISSUER, jwk, key_set, rsa_key, token

CORP = IssuerSettings(name="corp", issuer=ISSUER, audience=(AUDIENCE,), cache_s=10)


class Gateway:
    """A gateway that trusts an issuer."""

    def __init__(self, store: TestbedAccountStore | None = None) -> None:
        self.clock = Clock()
        self.clock.now = time.time()
        self.store = store or TestbedAccountStore()
        self.document = key_set(jwk(rsa_key()))
        self.accounts = self.process()

    def process(self) -> Accounts:
        keys = KeySet(CORP, lambda: self.document, self.clock, lambda work: work())
        tokens = TokenVerifier([(CORP, keys)], self.clock)
        return Accounts(
            self.store,
            LimitSettings(requests_per_minute=60),
            tokens=tokens,
            clock=self.clock,
            monotonic=self.clock,
        )

    def complaint(self, secret: str) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.accounts.authenticate(secret)
        return caught.value


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_a_verified_token_costs_no_further_signature(gateway: Gateway) -> None:
    secret = token()
    with patch.object(jwt, "decode", wraps=jwt.decode) as decode:
        for _ in range(20):
            gateway.accounts.authenticate(secret)
            gateway.clock.now += 1
    assert decode.call_count == 1


def test_a_remembered_token_needs_neither_store_nor_issuer(gateway: Gateway) -> None:
    secret = token()
    gateway.accounts.authenticate(secret)
    gateway.store.look_ups = 0
    gateway.accounts.authenticate(secret)
    assert gateway.store.look_ups == 0


def test_a_remembered_token_ends_when_it_expires(gateway: Gateway) -> None:
    secret = token(exp=int(gateway.clock.now) + 1)
    gateway.accounts.authenticate(secret)
    gateway.clock.now += 1 + CORP.leeway_s
    error = gateway.complaint(secret)
    assert isinstance(error, Unauthenticated)


def test_a_token_ends_when_its_issuer_takes_the_key_away(gateway: Gateway) -> None:
    secret = token()
    gateway.accounts.authenticate(secret)
    gateway.document = key_set(jwk(rsa_key("second"), "k2"))
    gateway.clock.now += CORP.cache_s
    assert gateway.complaint(secret).code == "invalid_api_key"


def test_a_token_ends_with_its_key_however_busy_others_keep_the_process(gateway: Gateway) -> None:
    secret = token()
    gateway.accounts.authenticate(secret)
    _, key = gateway.accounts.create_key("acme", by="ops")
    gateway.accounts.authenticate(key)
    gateway.accounts.authenticate(secret)
    gateway.document = key_set(jwk(rsa_key("second"), "k2"))
    for _ in range(40):  # each of these reads what has changed, before the token would
        gateway.clock.now += 0.41
        gateway.accounts.authenticate(key)
        with suppress(Unauthenticated):
            gateway.accounts.authenticate(secret)
    assert gateway.complaint(secret).code == "invalid_api_key"


def test_a_token_outlives_a_change_of_keys_that_leaves_its_own(gateway: Gateway) -> None:
    secret = token()
    gateway.accounts.authenticate(secret)
    gateway.document = key_set(jwk(rsa_key()), jwk(rsa_key("second"), "k2"))
    gateway.clock.now += CORP.cache_s
    assert gateway.accounts.authenticate(secret).account == "corp~alice"


def test_of_two_processes_that_see_an_account_first_one_makes_it(gateway: Gateway) -> None:
    other = gateway.process()
    find_account = gateway.store.find_account
    seen: list[str] = []

    def meanwhile(name: str) -> Any:
        found = find_account(name)
        if not seen:
            seen.append(name)
            other.authenticate(token())
        return found

    with patch.object(gateway.store, "find_account", meanwhile):
        gateway.accounts.authenticate(token())
    assert [each.name for each in gateway.store.all_accounts()] == ["corp~alice"]
    made = [each for each in gateway.store.audit() if each.action == "account.create"]
    assert [(each.by, each.subject) for each in made] == [("token", "corp~alice")]


def test_a_token_known_before_redis_went_away_is_let_in_for_a_minute(gateway: Gateway) -> None:
    secret = token()
    gateway.accounts.authenticate(secret)
    gateway.store.away = True
    gateway.clock.now += 5
    assert gateway.accounts.authenticate(secret).stale
    gateway.clock.now += 60
    assert isinstance(gateway.complaint(secret), StorageUnavailable)


def test_a_token_that_is_new_while_redis_is_away_has_to_wait(gateway: Gateway) -> None:
    gateway.store.away = True
    assert gateway.complaint(token()).status == 503


def test_an_account_that_cannot_be_made_is_no_sign_that_redis_is_away(gateway: Gateway) -> None:
    _, key = gateway.accounts.create_key("acme", by="ops")
    refused = StorageUnavailable("Redis refuses writes")
    with patch.object(gateway.store, "put_account", side_effect=refused):
        assert gateway.complaint(token()).status == 503
        assert not gateway.accounts.authenticate(key).stale


def test_an_issuer_out_of_reach_is_no_fault_of_the_token(gateway: Gateway) -> None:
    gateway.document = b"no keys"
    error = gateway.complaint(token())
    assert isinstance(error, Unavailable)
    assert (error.status, error.code) == (503, "issuer_unavailable")


def test_a_key_works_beside_tokens(gateway: Gateway) -> None:
    key, secret = gateway.accounts.create_key("acme", by="ops")
    assert gateway.accounts.authenticate(secret).key_id == key.id
    assert gateway.accounts.authenticate(secret).permissions is None


def test_what_a_token_permitted_holds_for_a_job_that_begins_later(gateway: Gateway) -> None:
    caller = gateway.accounts.authenticate(token())
    assert caller.account_limits == Allowance(requests_per_minute=60)
    gateway.clock.now += 3600
    assert gateway.accounts.caller(caller.principal) == caller
    gateway.accounts.disable_account("corp~alice", by="ops")
    assert gateway.accounts.caller(caller.principal) is None


def test_a_job_of_a_token_whose_account_is_gone_has_nobody(gateway: Gateway) -> None:
    somebody = Principal("corp~nobody", "jwt_corp_1", Permissions())
    assert gateway.accounts.caller(somebody) is None
