"""What every AccountStore promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from app.domain.accounts.accounts import Account, Allowance, ApiKey, AuditEntry, Permissions, Secret
from app.errors import StorageUnavailable, Unavailable
from app.settings import CostBudget, RedisSettings
from app.store.accounts.base import AccountStore
from app.store.accounts.codec import dump_account, dump_key, load_account, load_key
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import connect
from tests.memory_stores.accounts import MemoryAccountStore
from tests.redis_server import running

ENTRY = AuditEntry(at=7, by="ops@host", action="key.create", subject="key_1", detail="acme")
ACCOUNT = Account(
    name="acme",
    created_at=1,
    active=False,
    force_no_store=True,
    limits=Allowance(tokens_per_minute=9),
    max_stored_bytes=100,
)
KEY = ApiKey(
    id="key_1",
    account="acme",
    created_at=2,
    secrets=(Secret(sha256="aa", expires_at=50), Secret(sha256="bb")),
    name="the first",
    expires_at=99,
    permissions=Permissions(
        models=("gpt-*", "o1"),
        read_only=True,
        background=False,
        force_no_store=True,
        unsupported_tools="drop",
        hosted_tools=("mcp",),
        limits=Allowance(requests_per_minute=3, max_in_flight=2),
    ),
)


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest) -> Iterator[AccountStore]:
    if request.param == "memory":
        yield MemoryAccountStore()
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield RedisAccountStore(client, f"{uuid4()}:")


@pytest.fixture
def filled(store: AccountStore) -> AccountStore:
    assert store.put_account(ACCOUNT, ENTRY)
    assert store.put_key(KEY, ENTRY)
    return store


@pytest.mark.parametrize("sha256", ["aa", "bb"])
def test_every_secret_of_a_key_finds_it_and_its_account(filled: AccountStore, sha256: str) -> None:
    found = filled.find(sha256)
    assert (found.key, found.account) == (KEY, ACCOUNT)


def test_an_account_is_found_with_the_version_that_it_has(filled: AccountStore) -> None:
    found = filled.find_account("acme")
    assert (found.key, found.account) == (None, ACCOUNT)
    assert found.version == filled.find("aa").version


def test_an_unknown_account_is_found_without_one(store: AccountStore) -> None:
    assert store.find_account("acme").account is None


def test_an_unknown_secret_finds_nothing(filled: AccountStore) -> None:
    assert filled.find("cc").key is None


def test_a_key_without_an_account_is_found_without_one(store: AccountStore) -> None:
    store.put_key(KEY, ENTRY)
    assert store.find("aa").account is None


def test_a_key_is_kept_whole(filled: AccountStore) -> None:
    assert filled.key("key_1") == KEY


def test_an_account_is_kept_whole(filled: AccountStore) -> None:
    assert filled.account("acme") == ACCOUNT


def test_a_key_is_found_with_an_account(filled: AccountStore) -> None:
    assert filled.key_and_account("key_1", "acme") == (KEY, ACCOUNT)
    assert filled.key_and_account("key_2", "other") == (None, None)


def test_an_unknown_key_is_none(store: AccountStore) -> None:
    assert store.key("key_1") is None


def test_an_unknown_account_is_none(store: AccountStore) -> None:
    assert store.account("acme") is None


def test_a_secret_that_a_key_gave_up_finds_nothing(filled: AccountStore) -> None:
    filled.put_key(replace(KEY, secrets=KEY.secrets[1:], revision=2), ENTRY)
    assert filled.find("aa").key is None


def test_a_write_that_missed_another_is_refused(filled: AccountStore) -> None:
    filled.put_key(replace(KEY, active=False, revision=2), ENTRY)
    assert not filled.put_key(replace(KEY, name="late", revision=2), ENTRY)


def test_a_refused_write_changes_nothing(filled: AccountStore) -> None:
    filled.put_account(replace(ACCOUNT, active=True), ENTRY)
    assert filled.account("acme") == ACCOUNT


def test_a_record_that_is_not_there_cannot_be_changed(store: AccountStore) -> None:
    assert not store.put_account(replace(ACCOUNT, revision=2), ENTRY)


def test_a_change_of_a_key_changes_the_version(filled: AccountStore) -> None:
    before = filled.find("aa").version
    filled.put_key(replace(KEY, active=False, revision=2), ENTRY)
    assert filled.find("aa").version != before


def test_a_change_of_an_account_changes_the_version(filled: AccountStore) -> None:
    before = filled.find("nobody").version
    filled.put_account(replace(ACCOUNT, active=True, revision=2), ENTRY)
    assert filled.find("nobody").version != before


def test_the_version_stays_while_nothing_changes(filled: AccountStore) -> None:
    before = filled.find("aa").version
    filled.mark_used("aa", 5)
    filled.record(ENTRY)
    assert filled.find("bb").version == before


def test_keys_are_listed_oldest_first(filled: AccountStore) -> None:
    older = replace(KEY, id="key_2", created_at=1, secrets=(Secret(sha256="cc"),))
    filled.put_key(older, ENTRY)
    assert filled.all_keys() == [older, KEY]


def test_accounts_are_listed_by_name(filled: AccountStore) -> None:
    other = Account(name="Zeno", created_at=0)
    filled.put_account(other, ENTRY)
    assert filled.all_accounts() == [other, ACCOUNT]


def test_a_listed_key_tells_when_each_secret_was_used(filled: AccountStore) -> None:
    filled.mark_used("bb", 60)
    filled.mark_used("bb", 120)
    alone = filled.key(filled.all_keys()[0].id)
    assert alone is not None
    for key in (filled.all_keys()[0], alone):
        assert [secret.last_used_at for secret in key.secrets] == [None, 120]


def test_the_audit_log_has_an_entry_for_every_change(filled: AccountStore) -> None:
    assert list(filled.audit()) == [ENTRY, ENTRY]


def test_the_audit_log_has_no_entry_for_a_refused_change(filled: AccountStore) -> None:
    filled.put_key(KEY, ENTRY)
    assert len(list(filled.audit())) == 2


def test_a_long_audit_log_is_walked_in_order(store: AccountStore) -> None:
    entries = [replace(ENTRY, at=at) for at in range(1001)]
    for entry in entries:
        store.record(entry)
    assert list(store.audit()) == entries


def test_the_secret_of_a_deployment_stays(store: AccountStore) -> None:
    store.secret(b"first")
    assert store.secret(b"second") == b"first"


def test_the_same_prefix_is_the_same_store(redis_url: str) -> None:
    with (
        connect(RedisSettings(url=redis_url)) as one,
        connect(RedisSettings(url=redis_url)) as other,
    ):
        prefix = f"{uuid4()}:"
        RedisAccountStore(one, prefix).put_key(KEY, ENTRY)
        assert RedisAccountStore(other, prefix).key("key_1") == KEY


def test_every_key_in_redis_begins_with_the_prefix_and_shares_a_slot(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        prefix = f"{uuid4()}:"
        store = RedisAccountStore(client, prefix)
        store.put_account(ACCOUNT, ENTRY)
        store.put_key(KEY, ENTRY)
        store.mark_used("aa", 5)
        store.secret(b"x")
        names = {name.decode() for name in client.scan_iter(f"{prefix}*")}
        assert len(names) == 7
        assert all(name.startswith(prefix + "{accounts}:") for name in names)


def test_nothing_in_redis_expires(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        prefix = f"{uuid4()}:"
        RedisAccountStore(client, prefix).put_key(KEY, ENTRY)
        assert {client.ttl(name) for name in client.scan_iter(f"{prefix}*")} == {-1}


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client, pytest.raises(StorageUnavailable):
        RedisAccountStore(client, "rg:").find("aa")


def test_a_record_of_a_newer_gateway_is_refused() -> None:
    raw = dump_key(KEY).replace(b'{"v":3', b'{"v":9')
    with pytest.raises(Unavailable, match="version 9"):
        load_key(raw)


def test_a_key_that_may_use_every_tool_is_written_as_before() -> None:
    permissions = replace(KEY.permissions, hosted_tools=None)
    raw = dump_key(replace(KEY, permissions=permissions))
    assert b"hosted_tools" not in raw
    assert load_key(raw).permissions == permissions


BUDGETS = (CostBudget(50_000_000, "month"), CostBudget(1, "day"))


def test_budgets_are_kept_with_their_records() -> None:
    key = replace(KEY, permissions=Permissions(limits=Allowance(budgets=BUDGETS)))
    account = Account(name="acme", created_at=1, limits=Allowance(budgets=()))
    assert load_key(dump_key(key)) == replace(key)
    assert load_account(dump_account(account)) == account


@pytest.mark.parametrize(("budgets", "version"), [(None, b"1"), ((), b"2"), (BUDGETS, b"2")])
def test_a_release_that_knows_no_budgets_reads_a_record_without_and_no_other(
    budgets: tuple[CostBudget, ...] | None, version: bytes
) -> None:
    limits = Allowance(budgets=budgets)
    for raw in (
        dump_key(replace(KEY, permissions=Permissions(limits=limits))),
        dump_account(Account(name="acme", created_at=1, limits=limits)),
    ):
        assert raw.startswith(b'{"v":' + version)
        assert (b"budgets" in raw) == (version == b"2")
