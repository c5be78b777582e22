"""Accounts and keys: made, listed, changed, and every change written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from app.domain.accounts.accounts import Account, ApiKey, AuditEntry, Permissions, Principal
from app.domain.accounts.api_keys import is_well_formed
from app.errors import (
    InvalidRequest,
    NotFound,
    StorageRefused,
    StorageUnavailable,
    Unauthenticated,
    Unavailable,
)
from app.services.accounts.deployment_secret import REREAD_S
from app.services.accounts.service import Accounts
from app.settings import LimitSettings
from tests.memory_stores.accounts import MemoryAccountStore
from tests.services.clocks import Clock

GIVEN = "a secret of the operator's own"
GIVEN_SHA256 = hashlib.sha256(GIVEN.encode()).hexdigest()


def away(_candidate: bytes) -> bytes:
    """Read the deployment's secret where Redis is unreachable."""
    raise StorageUnavailable("away")


@pytest.fixture
def clock() -> Clock:
    return Clock(5_000)


@pytest.fixture
def store() -> MemoryAccountStore:
    return MemoryAccountStore()


@pytest.fixture
def accounts(store: MemoryAccountStore, clock: Clock) -> Accounts:
    return Accounts(store, LimitSettings(), clock=clock)


def test_a_new_key_comes_with_a_well_formed_secret(accounts: Accounts) -> None:
    assert is_well_formed(accounts.create_key("acme", by="ops")[1])


def test_a_new_key_is_as_it_was_asked_for(accounts: Accounts) -> None:
    permissions = Permissions(models=("o*",), background=False)
    key, _ = accounts.create_key(
        "acme", name="ci", expires_at=9_000, permissions=permissions, by="ops"
    )
    assert (key.account, key.name, key.expires_at, key.permissions, key.created_at) == (
        "acme",
        "ci",
        9_000,
        permissions,
        5_000,
    )


def test_nothing_of_a_secret_but_its_hash_is_kept(
    accounts: Accounts, store: MemoryAccountStore
) -> None:
    key, secret = accounts.create_key("acme", by="ops")
    assert key.secrets[0].sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret[6:] not in repr(vars(store))


def test_a_new_key_makes_its_account(accounts: Accounts) -> None:
    accounts.create_key("acme", by="ops")
    assert [account.name for account in accounts.accounts()] == ["acme"]


def test_a_second_key_leaves_the_account_as_it_is(accounts: Accounts) -> None:
    accounts.create_key("acme", by="ops")
    accounts.disable_account("acme", by="ops")
    accounts.create_key("acme", by="ops")
    assert not accounts.accounts()[0].active


def test_an_account_needs_a_plain_name(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest, match="64 letters"):
        accounts.create_key("a b", by="ops")


def test_keys_can_be_listed_by_account(accounts: Accounts) -> None:
    key, _ = accounts.create_key("acme", by="ops")
    accounts.create_key("other", by="ops")
    assert accounts.keys("acme") == [key]


def test_without_an_account_all_keys_are_listed(accounts: Accounts) -> None:
    accounts.create_key("acme", by="ops")
    accounts.create_key("other", by="ops")
    assert len(accounts.keys()) == 2


@pytest.mark.parametrize("method", ["deactivate", "activate"])
def test_an_unknown_key_is_not_found(accounts: Accounts, method: str) -> None:
    change: Callable[..., ApiKey] = getattr(accounts, method)
    with pytest.raises(NotFound, match="key_none"):
        change("key_none", by="ops")


@pytest.mark.parametrize("method", ["disable_account", "enable_account"])
def test_an_unknown_account_is_not_found(accounts: Accounts, method: str) -> None:
    change: Callable[..., Account] = getattr(accounts, method)
    with pytest.raises(NotFound, match="nobody"):
        change("nobody", by="ops")


def test_an_enabled_account_works_again(accounts: Accounts) -> None:
    _, secret = accounts.create_key("acme", by="ops")
    accounts.disable_account("acme", by="ops")
    accounts.enable_account("acme", by="ops")
    assert accounts.authenticate(secret).account == "acme"


def test_a_rotated_key_keeps_its_id(accounts: Accounts) -> None:
    key, _ = accounts.create_key("acme", by="ops")
    _, secret = accounts.rotate(key.id, 60, by="ops")
    assert accounts.authenticate(secret).key_id == key.id


def test_the_old_secret_of_a_rotated_key_works_during_the_overlap(
    accounts: Accounts, clock: Clock
) -> None:
    key, old = accounts.create_key("acme", by="ops")
    accounts.rotate(key.id, 60, by="ops")
    clock.now += 59
    assert accounts.authenticate(old).key_id == key.id


def test_the_old_secret_of_a_rotated_key_ends_with_the_overlap(
    accounts: Accounts, clock: Clock
) -> None:
    key, old = accounts.create_key("acme", by="ops")
    accounts.rotate(key.id, 60, by="ops")
    clock.now += 60
    with pytest.raises(Unauthenticated):
        accounts.authenticate(old)


def test_a_second_rotation_does_not_lengthen_the_first_overlap(accounts: Accounts) -> None:
    key, _ = accounts.create_key("acme", by="ops")
    accounts.rotate(key.id, 60, by="ops")
    key, _ = accounts.rotate(key.id, 600, by="ops")
    assert [secret.expires_at for secret in key.secrets] == [5_060, 5_600, None]


def test_a_rotation_forgets_the_secrets_that_ended(accounts: Accounts, clock: Clock) -> None:
    key, _ = accounts.create_key("acme", by="ops")
    accounts.rotate(key.id, 60, by="ops")
    clock.now += 61
    key, _ = accounts.rotate(key.id, 0, by="ops")
    assert [secret.expires_at for secret in key.secrets] == [None]


def test_every_change_is_in_the_audit_log(accounts: Accounts) -> None:
    key, _ = accounts.create_key("acme", by="ann@host")
    accounts.deactivate(key.id, by="bob@host")
    accounts.disable_account("acme", by="bob@host")
    accounts.record("responses.purge", "acme", "12 responses", by="bob@host")
    assert [(e.by, e.action, e.subject, e.detail) for e in accounts.audit()] == [
        ("ann@host", "account.create", "acme", ""),
        ("ann@host", "key.create", key.id, "acme"),
        ("bob@host", "key.deactivate", key.id, "acme"),
        ("bob@host", "account.disable", "acme", ""),
        ("bob@host", "responses.purge", "acme", "12 responses"),
    ]


def test_what_changes_nothing_is_not_in_the_audit_log(accounts: Accounts) -> None:
    key, _ = accounts.create_key("acme", by="ops")
    accounts.activate(key.id, by="ops")
    accounts.enable_account("acme", by="ops")
    assert len(list(accounts.audit())) == 2


class Contested(MemoryAccountStore):
    """Somebody else is quicker the first `losses` times."""

    losses = 0

    def put_key(self, key: ApiKey, entry: AuditEntry) -> bool:
        return not self._lost() and super().put_key(key, entry)

    def put_account(self, account: Account, entry: AuditEntry) -> bool:
        return not self._lost() and super().put_account(account, entry)

    def _lost(self) -> bool:
        self.losses -= 1
        return self.losses >= 0


def test_a_change_that_lost_a_race_is_made_on_top_of_the_other() -> None:
    store = Contested()
    accounts = Accounts(store, LimitSettings())
    key, _ = accounts.create_key("acme", by="ops")
    store.losses = 2
    assert not accounts.deactivate(key.id, by="ops").active


def test_a_change_that_never_gets_through_gives_up() -> None:
    store = Contested()
    accounts = Accounts(store, LimitSettings())
    key, _ = accounts.create_key("acme", by="ops")
    store.losses = 100
    with pytest.raises(Unavailable, match=key.id):
        accounts.deactivate(key.id, by="ops")


def test_a_change_of_an_account_that_never_gets_through_gives_up() -> None:
    store = Contested()
    accounts = Accounts(store, LimitSettings())
    accounts.create_key("acme", by="ops")
    store.losses = 100
    with pytest.raises(Unavailable, match="acme"):
        accounts.disable_account("acme", by="ops")


class Forgetful(MemoryAccountStore):
    """The answer to the first change gets lost on its way back: the client tries again."""

    lose = False

    def put_key(self, key: ApiKey, entry: AuditEntry) -> bool:
        written = super().put_key(key, entry)
        lost, self.lose = self.lose, False
        return written and not lost


def test_a_rotation_whose_answer_was_lost_happens_once() -> None:
    store = Forgetful()
    accounts = Accounts(store, LimitSettings())
    key, _ = accounts.create_key("acme", by="ops")
    store.lose = True
    _, secret = accounts.rotate(key.id, 0, by="ops")
    assert accounts.authenticate(secret).key_id == key.id
    assert len(accounts.keys()[0].secrets) == 1


def test_a_secret_given_from_outside_opens_its_account(accounts: Accounts) -> None:
    accounts.bootstrap(GIVEN_SHA256.upper(), "first")
    assert accounts.authenticate(GIVEN).account == "first"


def test_the_key_of_a_given_secret_is_made_once(accounts: Accounts) -> None:
    accounts.bootstrap(GIVEN_SHA256, "first")
    accounts.authenticate(GIVEN)
    accounts.authenticate(GIVEN)
    (key,) = accounts.keys()
    assert (key.name, key.created_at) == ("bootstrap", 5_000)


def test_the_key_of_a_given_secret_stays_closed(accounts: Accounts) -> None:
    accounts.bootstrap(GIVEN_SHA256, "first")
    accounts.deactivate(accounts.authenticate(GIVEN).key_id, by="ops")
    restarted = Accounts(accounts._store, LimitSettings())
    restarted.bootstrap(GIVEN_SHA256, "first")
    with pytest.raises(Unauthenticated):
        restarted.authenticate(GIVEN)


@pytest.mark.parametrize("secret", [None, "another"])
def test_no_other_secret_opens_the_given_account(accounts: Accounts, secret: str | None) -> None:
    accounts.bootstrap(GIVEN_SHA256, "first")
    with pytest.raises(Unauthenticated):
        accounts.authenticate(secret)


def test_a_given_account_needs_a_plain_name(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest):
        accounts.bootstrap(GIVEN_SHA256, "a b")


def test_the_secret_of_the_deployment_is_the_same_on_every_process(
    accounts: Accounts, store: MemoryAccountStore
) -> None:
    assert accounts.secret() == Accounts(store, LimitSettings()).secret()


def test_the_secret_of_the_deployment_is_long(accounts: Accounts) -> None:
    assert len(accounts.secret()) == 32


def test_the_secret_of_the_deployment_is_read_once_a_minute(
    store: MemoryAccountStore, clock: Clock
) -> None:
    accounts = Accounts(store, LimitSettings(), monotonic=clock)
    first = accounts.secret()
    store._secret = b"another"
    clock.now += REREAD_S - 1
    assert accounts.secret() == first
    clock.now += 1
    assert accounts.secret() == b"another"


def test_a_store_that_was_emptied_gets_the_secret_back_from_who_knows_it(
    store: MemoryAccountStore, clock: Clock
) -> None:
    one, two = (Accounts(store, LimitSettings(), monotonic=clock) for _ in range(2))
    known = one.secret()
    store._secret = None
    clock.now += REREAD_S
    assert one.secret() == known
    assert two.secret() == known


def test_the_secret_stays_while_the_store_is_away(
    store: MemoryAccountStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = Accounts(store, LimitSettings(), monotonic=clock)
    known = accounts.secret()
    clock.now += REREAD_S
    monkeypatch.setattr(store, "secret", away)
    assert accounts.secret() == known


USES: dict[str, Callable[[Accounts, str, ApiKey], object]] = {
    "a key's first look-up": lambda accounts, given, _key: accounts.authenticate(given),
    "a job's": lambda accounts, _given, key: accounts.caller(Principal("acme", key.id)),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_secret_is_read_before_the_first_answer_so_that_an_outage_costs_none(
    store: MemoryAccountStore,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[Accounts, str, ApiKey], object],
) -> None:
    key, given = Accounts(store, LimitSettings()).create_key("acme", by="ops")
    process = Accounts(store, LimitSettings())
    use(process, given, key)
    known = store.secret(b"another")
    monkeypatch.setattr(store, "secret", away)
    assert process.secret() == known


@pytest.mark.parametrize("fault", [StorageUnavailable("away"), StorageRefused("no")], ids=repr)
def test_a_caller_is_served_although_the_secret_cannot_be_read(
    store: MemoryAccountStore, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    accounts = Accounts(store, LimitSettings())
    _, given = accounts.create_key("acme", by="ops")

    def refuses(_candidate: bytes) -> bytes:
        raise fault

    monkeypatch.setattr(store, "secret", refuses)
    assert accounts.authenticate(given).account == "acme"
