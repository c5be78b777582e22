"""The protocol of a store of accounts and keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from app.domain.accounts.accounts import Account, ApiKey, AuditEntry


@dataclass(frozen=True, slots=True)
class KeyLookup:
    """The result of a look-up, all of one instant.

    `version` changes with every change of any key or account: two look-ups with equal versions saw
    the same keys and accounts.
    """

    version: str
    key: ApiKey | None = None
    account: Account | None = None


class AccountStore(Protocol):
    """Keeps accounts, keys (by the hash of their secrets) and the audit log.

    Every method raises StorageUnavailable when Redis is unreachable, within its time-out. A write
    is refused (False) unless the stored revision is the one before `revision`: another writer
    changed it in between. Every change is in the audit log, atomically.
    """

    def find(self, sha256: str) -> KeyLookup:
        """Look up the key that a secret with this hash opens, in one round trip."""
        ...

    def find_account(self, name: str) -> KeyLookup:
        """Look up the account of a caller without a key, in one round trip."""
        ...

    def all_keys(self) -> list[ApiKey]:
        """Return every key, oldest first, with the times of last use."""
        ...

    def key(self, key_id: str) -> ApiKey | None:
        """Return one key."""
        ...

    def key_and_account(self, key_id: str, account: str) -> tuple[ApiKey | None, Account | None]:
        """Return both in one round trip, the key without its times of last use."""
        ...

    def all_accounts(self) -> list[Account]:
        """Return all accounts, sorted by name."""
        ...

    def account(self, name: str) -> Account | None:
        """Return one account."""
        ...

    def put_key(self, key: ApiKey, entry: AuditEntry) -> bool:
        """Write a key; a new one has revision 1. Secrets that it no longer has stop working."""
        ...

    def put_account(self, account: Account, entry: AuditEntry) -> bool:
        """Write an account; a new one has revision 1."""
        ...

    def mark_used(self, sha256: str, at: int) -> None:
        """Record when a secret was last used."""
        ...

    def record(self, entry: AuditEntry) -> None:
        """Append to the audit log."""
        ...

    def audit(self) -> Iterator[AuditEntry]:
        """Yield the audit log, oldest first."""
        ...

    def secret(self, candidate: bytes) -> bytes:
        """Return the deployment's secret, which becomes `candidate` if there is none yet."""
        ...
