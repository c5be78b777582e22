"""Accounts and keys in Redis, under one hash tag, so that a change and its audit entry are atomic.

{accounts}:secrets   hash    SHA-256 of a secret -> id of the key it opens
{accounts}:keys      hash    key id -> record
{accounts}:accounts  hash    name -> record
{accounts}:version   string  new with every change of a record
{accounts}:used      hash    SHA-256 of a secret -> when it was last used
{accounts}:audit     stream  one entry per action, oldest first
{accounts}:secret    string  the deployment's secret
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.accounts.accounts import Account, ApiKey, AuditEntry
from app.store.accounts import codec
from app.store.accounts.base import KeyLookup
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Safety
from app.store.connection.script import LuaFolder, Script, run_all

_AUDIT_PAGE = 500

_lua = LuaFolder(__file__)
_FIND, _PUT = Script(_lua("find")), Script(_lua("put"))


class RedisAccountStore:
    """An AccountStore on any Redis >= 6.2, Cluster included. `prefix` begins every key.

    `safety` says how many replicas must have a change before it counts.
    """

    def __init__(self, client: Client, prefix: str, safety: Safety = ONE_SERVER) -> None:
        self._redis: Any = client
        self._safety = safety
        self._secrets = f"{prefix}{{accounts}}:secrets"
        self._keys = f"{prefix}{{accounts}}:keys"
        self._accounts = f"{prefix}{{accounts}}:accounts"
        self._version = f"{prefix}{{accounts}}:version"
        self._used = f"{prefix}{{accounts}}:used"
        self._audit = f"{prefix}{{accounts}}:audit"
        self._secret = f"{prefix}{{accounts}}:secret"

    def find(self, sha256: str) -> KeyLookup:
        tables = (self._secrets, self._keys, self._accounts, self._version)
        with translated():
            version, *records = _FIND(tables, (sha256,)).run(self._redis)
        if not records:
            return KeyLookup(version.decode())
        key, account = records
        return KeyLookup(
            version.decode(), codec.load_key(key), account and codec.load_account(account)
        )

    def find_account(self, name: str) -> KeyLookup:
        # The version is read first: a change in between then makes the look-up count as outdated.
        with translated():
            pipeline = self._redis.pipeline(transaction=False)
            version, raw = pipeline.get(self._version).hget(self._accounts, name).execute()
        return KeyLookup((version or b"").decode(), None, raw and codec.load_account(raw))

    def all_keys(self) -> list[ApiKey]:
        with translated():
            pipeline = self._redis.pipeline(transaction=False)
            keys, used = pipeline.hvals(self._keys).hgetall(self._used).execute()
        used_at = {sha256.decode(): int(at) for sha256, at in used.items()}
        listed = (_with_use(codec.load_key(raw), used_at) for raw in keys)
        return sorted(listed, key=lambda key: (key.created_at, key.id))

    def key(self, key_id: str) -> ApiKey | None:
        with translated():
            raw = self._redis.hget(self._keys, key_id)
            if raw is None:
                return None
            key = codec.load_key(raw)
            hashes = [own.sha256 for own in key.secrets]
            used = self._redis.hmget(self._used, hashes) if hashes else []
        pairs = zip(hashes, used, strict=True)
        return _with_use(key, {sha256: int(at) for sha256, at in pairs if at is not None})

    def key_and_account(self, key_id: str, account: str) -> tuple[ApiKey | None, Account | None]:
        found = ("HGET", self._keys, key_id), ("HGET", self._accounts, account)
        with translated():
            key, owner = run_all(self._redis, found)
        return key and codec.load_key(key), owner and codec.load_account(owner)

    def all_accounts(self) -> list[Account]:
        with translated():
            accounts = self._redis.hvals(self._accounts)
        return sorted(map(codec.load_account, accounts), key=lambda account: account.name)

    def account(self, name: str) -> Account | None:
        with translated():
            raw = self._redis.hget(self._accounts, name)
        return raw and codec.load_account(raw)

    def put_key(self, key: ApiKey, entry: AuditEntry) -> bool:
        hashes = [secret.sha256 for secret in key.secrets]
        return self._write(self._keys, key.id, codec.dump_key(key), entry, hashes)

    def put_account(self, account: Account, entry: AuditEntry) -> bool:
        return self._write(self._accounts, account.name, codec.dump_account(account), entry, [])

    def mark_used(self, sha256: str, at: int) -> None:
        with translated():
            self._redis.hset(self._used, sha256, at)

    def record(self, entry: AuditEntry) -> None:
        with translated():
            written = ("XADD", self._audit, "*", "entry", codec.dump_entry(entry))
            self._safety.run(self._redis, written)

    def audit(self) -> Iterator[AuditEntry]:
        after = "-"
        while True:
            with translated():
                page = self._redis.xrange(self._audit, min=after, count=_AUDIT_PAGE)
            yield from (codec.load_entry(fields[b"entry"]) for _, fields in page)
            if len(page) < _AUDIT_PAGE:
                return
            after = "(" + page[-1][0].decode()

    def secret(self, candidate: bytes) -> bytes:
        with translated():
            secret: bytes | None = self._redis.get(self._secret)
            if secret is None:  # only now: a gateway must start on a Redis that takes no writes
                self._redis.set(self._secret, candidate, nx=True)
                secret = self._redis.get(self._secret)
        return secret or candidate

    def _write(
        self, table: str, field: str, record: bytes, entry: AuditEntry, hashes: list[str]
    ) -> bool:
        tables = (table, self._secrets, self._version, self._audit)
        put = _PUT(tables, (field, record, codec.dump_entry(entry), *hashes))
        with translated():
            (is_written,) = self._safety.run(self._redis, put)
        return bool(is_written)


def _with_use(key: ApiKey, used_at: dict[str, int]) -> ApiKey:
    secrets = (replace(own, last_used_at=used_at.get(own.sha256)) for own in key.secrets)
    return replace(key, secrets=tuple(secrets))
