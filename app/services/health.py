"""Whether this gateway can serve now: the store, a worker, the spool, and upstreams (N22)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import StorageUnavailable
from app.settings.values import WORKER_SILENCE_S
from app.store.connection.reasons import reason, refuses_writes


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests would be served, and what was looked at.

    It is ready while the store answers and a worker lives; with a store that refuses writes, while
    the spool can take answers. `upstreams` never decide it: each, by its name, is "ok" or
    "resting", which is an open breaker, or a pool all of whose keys rest; and so is each key of a
    pool in `upstream_keys`, by provider and id. `reasons` explain each check that failed, for
    operators.
    """

    ready: bool
    checks: Mapping[str, str]
    upstreams: Mapping[str, str]
    reasons: Mapping[str, str]
    upstream_keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Health:
    """Checks what the gateway depends on.

    `write` raises StorageUnavailable when the store takes no write, `read` when it cannot be read;
    `worker_silence_s` returns for how many seconds no worker has taken a job, nor could have, None
    where background is disabled, infinity where there never was one; `upstreams` returns the state
    of each provider's circuit breaker; `spool_fault` returns why the spool can take no answer, None
    where it can; `keys_rest` returns of each key of a pool whether it rests, by provider and id.
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
        """Tell whether requests would be served, and why not."""
        store, store_fault = self._store()
        spool_fault = self._spool_fault()
        worker = self._worker(store)
        ready = {
            "ok": worker in ("ok", "disabled"),
            "read_only": spool_fault is None,
            "unavailable": False,
        }[store]
        spool = "ok" if spool_fault is None else "unwritable"
        faults = {"store": store_fault, "spool": spool_fault}
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

    def _worker(self, store: str) -> str:
        """Return how the workers are: where no write is taken, none can show that it lives."""
        if store == "unavailable":
            return "unknown"
        try:
            silence_s = self._worker_silence_s()
        except StorageUnavailable:
            return "unknown"
        if silence_s is None:
            return "disabled"
        if silence_s < WORKER_SILENCE_S:
            return "ok"
        return "missing" if store == "ok" else "unknown"


def _word(rests: bool) -> str:
    return "resting" if rests else "ok"
