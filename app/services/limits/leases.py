"""Leases of requests in flight, renewed while the process lives: those of a dead one run out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from app.store.rate_limits.base import Lease
from app.telemetry import surviving

#: Seconds after which the slots of a dead process are free ...
LEASE_S = 30.0
#: ... so that a living one may miss a renewal or two before that.
RENEW_S = 8.0


class LeaseRenewer:
    """Renews leases every `every_s` seconds, in one thread that lives while there are any.

    The thread starts with the first lease, so never before the server forks. While the store is
    unreachable nothing is renewed: a request that outlives its lease loses its slot, but goes on.
    """

    def __init__(
        self, renew: Callable[[Collection[Lease]], None], every_s: float = RENEW_S
    ) -> None:
        self._renew = renew
        self._every_s = every_s
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._leases: dict[str, Lease] = {}
        self._is_running = False

    def add(self, lease: Lease) -> None:
        """Renew the lease from now on."""
        with self._lock:
            self._leases[lease.id] = lease
            if self._is_running:
                return
            try:
                threading.Thread(target=self._keep_renewing, name="leases", daemon=True).start()
            except RuntimeError:
                return  # the system has no free thread: the next lease may get one
            self._is_running = True

    def remove(self, lease: Lease) -> None:
        """Stop renewing the lease."""
        with self._lock:
            self._leases.pop(lease.id, None)

    def _keep_renewing(self) -> None:
        while True:
            self._idle.wait(self._every_s)
            with self._lock:
                leases = tuple(self._leases.values())
                if not leases:
                    self._is_running = False
                    return
            with surviving("leases"):
                self._renew(leases)
