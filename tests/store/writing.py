"""Load on the stores of a Redis whose master changes, and what became of all that was promised."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import Any

from app.domain.accounts.accounts import Account, AuditEntry
from app.domain.response import Usage
from app.domain.turns.turn import Turn
from app.errors import NotFound, StorageUnavailable, Unconfirmed
from app.settings import RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import connect
from app.store.jobs.base import Claim, Flush
from app.store.jobs.redis import RedisJobStore
from app.store.responses.redis import RedisStore
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.folders import SpoolFolders
from app.store.spool.store import SpoolingStore
from app.store.spool.store_identity import StoreIdentity
from tests.processes import until
from tests.store.turns import WRAPPING, payload_of, turn

ACCOUNT = "acme"
#: Long enough for a busy machine to renew in time: a lease lost by that is no fail-over's fault.
LEASE_S = 20.0
#: How long, in seconds, a worker tries to write down what its model has said.
PATIENCE_S = 30.0
#: How long, in seconds, it waits for a replica that is to know of an end: what no replica has may
#: go with its server, and a busy machine is slow to say so.
CONFIRMED_S = 15.0
FLUSHES = 3


@dataclass
class Figures:
    """Ids by what was promised of them; `refused` and `lost` count by kind."""

    saved: list[Turn] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    stuck: int = 0
    torn: int = 0

    def __str__(self) -> str:
        kept = {
            "saves": len(self.saved),
            "deletes": len(self.deleted),
            "jobs": len(self.queued),
            "cancels": len(self.cancelled),
            "accounts": len(self.accounts),
        }
        twice = sum(times > 1 for times in self.calls.values())
        return (
            f"acknowledged {kept}, refused {dict(self.refused)}, lost {dict(self.lost)}, "
            f"stuck {self.stuck}, asked twice {twice}, streams torn {self.torn}"
        )


class Load:
    """Threads that write until they are told to stop."""

    def __init__(self, url: str, directory: Path, wait_replicas: int, **settings: float) -> None:
        timeouts: dict[str, Any] = {"timeout_s": 2.0, "connect_timeout_s": 0.5} | settings
        self._settings = RedisSettings(url=url, **timeouts)
        client = connect(self._settings)
        wait_s = self._settings.timeout_s / 2
        self.store = RedisStore(client, "rg:", wait_replicas=wait_replicas, wait_s=wait_s)
        identity, folders = StoreIdentity(client, "rg:"), SpoolFolders(directory)
        self.delivery = SpoolDelivery(self.store, identity, folders, lambda _account: True)
        self.delivery.start()
        self.spooling = SpoolingStore(self.store, self.delivery)
        self.jobs = RedisJobStore(client, "rg:", self.store, LEASE_S, WRAPPING)
        self.accounts = _accounts(client, self.store)
        self.figures = Figures()
        self._ended = threading.Event()
        self._drained = threading.Event()
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._sweeps_from = 0.0
        self._writers = [self._save, self._save, self._delete, self._queue, self._cancel]
        self._writers.append(self._open_account)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to write, and to work."""
        for write in self._writers:
            self._begin(partial(self._until, self._ended, write))
        for _ in range(4):
            self._begin(lambda: self._until(self._drained, self._work))
        self._begin(lambda: self._until(self._drained, self._keep, 0.2))

    def _begin(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _until(self, end: threading.Event, act: Callable[[], None], pause_s: float = 0.01) -> None:
        while not end.wait(pause_s):
            try:
                act()
            except StorageUnavailable:
                with self._lock:
                    self.figures.refused[act.__name__.strip("_")] += 1

    def _save(self) -> None:
        made = turn(token_hex(4))
        self.spooling.save(made)
        self.figures.saved.append(made)

    def _delete(self) -> None:
        made = turn(token_hex(4))
        self.store.save(made)
        self.store.delete(ACCOUNT, made.response.id)
        self.figures.deleted.append(made.response.id)

    def _queue(self) -> None:
        waiting = _waiting()
        assert self.jobs.enqueue(payload_of(waiting), 1_000_000)
        self.figures.queued.append(waiting.response.id)

    def _cancel(self) -> None:
        waiting = replace(_waiting(), account="cancels")
        assert self.jobs.enqueue(payload_of(waiting), 1_000_000)
        claim = self.jobs.take_over("cancels", waiting.response.id, "cancelled")
        if claim is None:
            return
        response = replace(waiting.response, status="cancelled")
        ending = Flush(claim.event_count, (b"cancelled",))
        if self.jobs.finish(claim, replace(waiting, response=response), ending):
            self.figures.cancelled.append(waiting.response.id)

    def _open_account(self) -> None:
        name = token_hex(4)
        entry = AuditEntry(at=1, by="tests", action="account.create", subject=name)
        if self.accounts.put_account(Account(name=name, created_at=1), entry):
            self.figures.accounts.append(name)

    def _work(self) -> None:
        response_id = self.jobs.take()
        claim = response_id and self.jobs.claim(response_id, token_hex(4))
        if not claim:
            sleep(0.02)
            return
        with self._lock:
            self.figures.calls[claim.response_id] += 1
            self._running.add(claim.response_id)
        try:
            self._answer(claim)
        finally:
            with self._lock:
                self._running.discard(claim.response_id)

    def _answer(self, claim: Claim) -> None:
        number = claim.event_count
        for step in range(FLUSHES):
            lines = (b"%d" % number, b"%d" % (number + 1))
            flush = Flush(number, lines, Usage(1, step), has_output=True)
            if not _patiently(partial(self._tell, claim, flush)):
                return
            number += len(lines)
            sleep(0.02)
        made = turn("answer", response_id=claim.response_id, account=claim.account)
        ending = Flush(number, (b"%d" % number,))
        with suppress(Unconfirmed):  # it has ended; a replica has stayed away that was to know
            _patiently(lambda: self.jobs.finish(claim, made, ending), CONFIRMED_S)

    def _tell(self, claim: Claim, flush: Flush) -> bool:
        return self.jobs.append([(claim, flush)])[0]

    def _keep(self) -> None:
        """Do what a worker's supervisor does: after an outage nobody has renewed in time."""
        with self._lock:
            running = tuple(self._running)
        try:
            self.jobs.renew(running)
        except StorageUnavailable:
            self._sweeps_from = monotonic() + LEASE_S
            raise
        if monotonic() < self._sweeps_from:
            return
        for response_id in self.jobs.lost():
            claim = self.jobs.settle_lost(response_id)
            if isinstance(claim, Claim):
                was_promised = claim.account == ACCOUNT and claim.why != "refused"
                self.figures.lost["job failed"] += was_promised
                made = turn("lost", response_id=response_id, account=claim.account)
                failed = replace(made, response=replace(made.response, status="failed"))
                self.jobs.finish(claim, failed, Flush(claim.event_count, (b"lost",)))

    def stop(self) -> Figures:
        """Write no more, let what runs come to its end, and look at what has become of it all."""
        self._ended.set()
        until(self._is_idle, "the jobs to end")
        self._drained.set()
        for thread in self._threads:
            thread.join(60)
        self.delivery.stop()
        self._look(self.figures)
        return self.figures

    def _is_idle(self) -> bool:
        with suppress(StorageUnavailable):
            queues = self.jobs.queues()
            return not (queues.queued or queues.running or self._running)
        return False

    def _look(self, figures: Figures) -> None:
        """Ask, with a client that knows nothing of before."""
        client = connect(self._settings)
        self.delivery.deliver_all()
        store = RedisStore(client, "rg:")
        accounts = {account.name for account in _accounts(client, store).all_accounts()}
        for made in figures.saved:
            figures.lost["save"] += not _has(store, ACCOUNT, made.response.id, "completed")
        for response_id in figures.deleted:
            figures.lost["delete"] += _has(store, ACCOUNT, response_id, "completed")
        for response_id in figures.cancelled:
            figures.lost["cancel"] += not _has(store, "cancels", response_id, "cancelled")
        for name in figures.accounts:
            figures.lost["account"] += name not in accounts
        jobs = RedisJobStore(client, "rg:", store, LEASE_S, WRAPPING)
        for response_id in figures.queued:
            if jobs.status(ACCOUNT, response_id) is not None:
                figures.stuck += 1
            elif not _has(store, ACCOUNT, response_id, "completed"):
                figures.lost["job"] += 1
            else:
                figures.torn += _lines(jobs, response_id) != list(range(2 * FLUSHES + 1))
        figures.lost = +figures.lost


def _lines(jobs: RedisJobStore, response_id: str) -> list[int]:
    return [int(line) for line in jobs.read_events(response_id, 0).lines]


def _has(store: RedisStore, account: str, response_id: str, status: str) -> bool:
    try:
        return store.get(account, response_id).response.status == status
    except NotFound:
        return False


def _waiting() -> Turn:
    made = turn("job", made=())
    return replace(made, response=replace(made.response, status="queued", completed_at=None))


def _patiently(attempt: Callable[[], bool], confirmed_s: float = PATIENCE_S) -> bool:
    began_at = monotonic()
    while True:
        try:
            return attempt()
        except StorageUnavailable as fault:
            patience_s = confirmed_s if isinstance(fault, Unconfirmed) else PATIENCE_S
            if monotonic() > began_at + patience_s:
                raise
        sleep(0.1)


def _accounts(client: Any, store: RedisStore) -> RedisAccountStore:
    return RedisAccountStore(client, "rg:", store.safety)
