"""Whether this gateway can serve now: the store, a worker, the spool, and upstreams (N22)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import StorageUnavailable
from app.settings.values import WORKER_SILENCE_S
from app.store.connection.reasons import reason, refuses_writes


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the gateway is ready to serve requests, with the result of every check.

    It is ready while the store takes writes and a worker is alive (or background is disabled);
    while the store refuses writes, as long as the spool can take answers. `upstreams` maps each
    provider to "ok" or "resting" (its breaker is not closed, or every key of its pool rests), and
    `upstream_keys` each key of a pool, by provider and key id; neither affects readiness. `reasons`
    explains each failed check to operators.
    """

    ready: bool
    checks: Mapping[str, str]
    upstreams: Mapping[str, str]
    reasons: Mapping[str, str]
    upstream_keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Health:
    """Checks what the gateway depends on.

    `write` raises StorageUnavailable if the store takes no writes, `read` if it cannot be read.
    `worker_silence_s` returns the seconds since a worker last took a job or could have: None if
    background is disabled, infinity if there was never a worker. `upstreams` returns the state of
    each provider's circuit breaker, `spool_fault` why the spool cannot take answers (else None),
    `keys_rest` whether each key of a pool rests, by provider and key id.
    """

    def __init__(
        self,
        write: Callable[[], None],
        read: Callable[[], object],
        worker_silence_s: Callable[[], float | None],
        upstreams: Callable[[], Mapping[str, str]],
        spool_fault: Callable[[], str | None],
        keys_rest: Callable[[], Mapping[str, Mapping[str, bool]]] = dict,
    ) -> None:
        self._keys_rest = keys_rest
        self._write = write
        self._read = read
        self._worker_silence_s = worker_silence_s
        self._upstreams = upstreams
        self._spool_fault = spool_fault

    def readiness(self) -> Readiness:
        """Return whether requests would be served, and the reasons if not."""
        store, store_fault = self._store()
        spool_fault = self._spool_fault()
        worker, worker_fault = self._worker(store)
        ready = {
            "ok": worker in ("ok", "disabled"),
            "read_only": spool_fault is None,
            "unavailable": False,
        }[store]
        spool = "ok" if spool_fault is None else "unwritable"
        faults = {"store": store_fault, "spool": spool_fault, "worker": worker_fault}
        keys = self._keys_rest()
        resting = {name for name, pool in keys.items() if all(pool.values())}
        return Readiness(
            ready,
            checks={"store": store, "spool": spool, "worker": worker},
            upstreams={
                name: _word(state != "closed" or name in resting)
                for name, state in self._upstreams().items()
            },
            reasons={name: fault for name, fault in faults.items() if fault is not None},
            upstream_keys={
                name: {key: _word(rests) for key, rests in pool.items()}
                for name, pool in keys.items()
            },
        )

    def _store(self) -> tuple[str, str | None]:
        try:
            self._write()
        except StorageUnavailable as fault:
            if not refuses_writes(fault):
                return "unavailable", reason(fault)
            refusal = fault
        else:
            return "ok", None
        try:
            self._read()  # a replica without its master may refuse that as well
        except StorageUnavailable as fault:
            return "unavailable", reason(fault)
        return "read_only", reason(refusal)

    def _worker(self, store: str) -> tuple[str, str | None]:
        """Return the workers' state, and why it is "unknown" if that is a fault of its own.

        It is unknown while they cannot write their heartbeats, or those cannot be read.
        """
        if store == "unavailable":
            return "unknown", None
        try:
            silence_s = self._worker_silence_s()
        except StorageUnavailable as fault:
            return "unknown", reason(fault)
        if silence_s is None:
            return "disabled", None
        if silence_s < WORKER_SILENCE_S:
            return "ok", None
        return ("missing" if store == "ok" else "unknown"), None


def _word(rests: bool) -> str:
    return "resting" if rests else "ok"
