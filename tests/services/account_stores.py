"""A store of accounts that counts look-ups and goes away when it is told to."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.accounts.accounts import Account, AuditEntry
from app.errors import StorageUnavailable
from app.store.accounts.base import KeyLookup
from tests.memory_stores.accounts import MemoryAccountStore


class TestbedAccountStore(MemoryAccountStore):
    """`away` says that it does not answer; `meanwhile` is run once in the middle of a look-up."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.code: str | None = None
        self.look_ups = 0
        self.meanwhile: Callable[[], object] | None = None

    def find(self, sha256: str) -> KeyLookup:
        self.look_ups += 1
        self._answer()
        found = super().find(sha256)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return found

    def find_account(self, name: str) -> KeyLookup:
        self.look_ups += 1
        self._answer()
        return super().find_account(name)

    def put_account(self, account: Account, entry: AuditEntry) -> bool:
        self._answer()
        return super().put_account(account, entry)

    def mark_used(self, sha256: str, at: int) -> None:
        self._answer()
        super().mark_used(sha256, at)

    def _answer(self) -> None:
        if self.away:
            raise StorageUnavailable("away", code=self.code)
