"""The deployment's secret, under which every process seals, hashes and signs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from app.errors import GatewayError, StorageUnavailable
from app.store.accounts.base import AccountStore

LENGTH = 32
#: Seconds after which it is read again.
REREAD_S = 60.0


class DeploymentSecret:
    """The secret, 32 random bytes: call it. `clock` is like time.monotonic.

    It is read again now and then: a Redis that was emptied or restored while processes run has
    another one, or none, and processes would no longer open what others seal. The first process
    that finds none stores the secret that it knows, so that what callers keep under it
    (compactions, opaque reasoning) can still be opened.
    """

    def __init__(
        self,
        store: AccountStore,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._secret = b""
        self._read_at = 0.0

    def __call__(self) -> bytes:
        """Return it. Raises StorageUnavailable if it was never read, and Redis is unreachable."""
        if not self._secret:
            self._secret = self._store.secret(self._entropy(LENGTH))
            self._read_at = self._clock()
        elif self._clock() - self._read_at >= REREAD_S:
            self._read_at = self._clock()  # first: the others need not wait for a Redis that stalls
            with suppress(StorageUnavailable):
                self._secret = self._store.secret(self._secret)
        return self._secret

    def read_ahead(self) -> None:
        """Read it if it was never read, while Redis can be reached; raises nothing.

        Otherwise a process whose first use of it comes after Redis went away would lose an answer
        that was paid for.
        """
        if not self._secret:
            with suppress(GatewayError):
                self()
