"""Accounts and keys in this process's memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from app.domain.accounts.accounts import Account, ApiKey, AuditEntry
from app.store.accounts.base import KeyLookup


class MemoryAccountStore:
    """An AccountStore that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._keys: dict[str, ApiKey] = {}
        self._accounts: dict[str, Account] = {}
        self._used: dict[str, int] = {}
        self._log: list[AuditEntry] = []
        self._secret: bytes | None = None

    def find(self, sha256: str) -> KeyLookup:
        with self._lock:
            for key in self._keys.values():
                if any(secret.sha256 == sha256 for secret in key.secrets):
                    return KeyLookup(str(self._version), key, self._accounts.get(key.account))
            return KeyLookup(str(self._version))

    def find_account(self, name: str) -> KeyLookup:
        with self._lock:
            return KeyLookup(str(self._version), None, self._accounts.get(name))

    def all_keys(self) -> list[ApiKey]:
        with self._lock:
            keys = [self._with_use(key) for key in self._keys.values()]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def key(self, key_id: str) -> ApiKey | None:
        key = self._keys.get(key_id)
        return None if key is None else self._with_use(key)

    def key_and_account(self, key_id: str, account: str) -> tuple[ApiKey | None, Account | None]:
        return self._keys.get(key_id), self.account(account)

    def all_accounts(self) -> list[Account]:
        with self._lock:
            return sorted(self._accounts.values(), key=lambda account: account.name)

    def account(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def put_key(self, key: ApiKey, entry: AuditEntry) -> bool:
        with self._lock:
            if not _follows(key.revision, self._keys.get(key.id)):
                return False
            self._keys[key.id] = key
            self._changed(entry)
        return True

    def put_account(self, account: Account, entry: AuditEntry) -> bool:
        with self._lock:
            if not _follows(account.revision, self._accounts.get(account.name)):
                return False
            self._accounts[account.name] = account
            self._changed(entry)
        return True

    def mark_used(self, sha256: str, at: int) -> None:
        self._used[sha256] = at

    def record(self, entry: AuditEntry) -> None:
        with self._lock:
            self._log.append(entry)

    def audit(self) -> Iterator[AuditEntry]:
        return iter(tuple(self._log))

    def secret(self, candidate: bytes) -> bytes:
        with self._lock:
            self._secret = self._secret or candidate
            return self._secret

    def _changed(self, entry: AuditEntry) -> None:
        self._version += 1
        self._log.append(entry)

    def _with_use(self, key: ApiKey) -> ApiKey:
        secrets = (replace(s, last_used_at=self._used.get(s.sha256)) for s in key.secrets)
        return replace(key, secrets=tuple(secrets))


def _follows(revision: int, before: Account | ApiKey | None) -> bool:
    return revision == (before.revision if before else 0) + 1
