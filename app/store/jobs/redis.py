"""The store of background responses in Redis: what is queued, leased, told and ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import isfinite
from secrets import token_hex
from typing import Any, cast

import orjson

from app.domain.ids import tag_of
from app.domain.response import Status
from app.domain.stream.events import Event
from app.errors import StorageRefused, StorageUnavailable
from app.schemas.events import encode
from app.schemas.stored_events import event_from_json
from app.store.codec import Codec
from app.store.connection.client import Client
from app.store.connection.errors import ours, translated
from app.store.connection.script import Call, Script, run_all, run_each
from app.store.jobs.base import Claim, Flush, Queues, Retries, Told, What, Why
from app.store.jobs.codec import claim_of, packed, retries_json, tell_arguments
from app.store.jobs.news import heard
from app.store.jobs.recent_flushes import RecentFlushes
from app.store.jobs.scripts import (
    ACCEPTED,
    APPEND,
    CLAIM,
    CREATE,
    DUE,
    FIGURES,
    FINISH,
    FINISHER,
    FORGET,
    GIVE_BACK,
    HAS_STREAM,
    LEASE_TOKEN,
    LOST,
    PARK,
    PUSH,
    READ_EVENTS,
    RELEASE,
    RENEW,
    RESERVE,
    STATUS,
    TAKE,
    TAKE_OVER,
    WITHDRAW,
)
from app.store.keys import Keys
from app.store.responses.base import Turn, unknown_response
from app.store.responses.redis import RedisStore
from app.store.responses.stored_bytes import StoredBytes

MAX_LOST_LEASES = 3
LOST_AT_ONCE = 100
#: Entries of a stream that are read at once.
PAGE = 64


class RedisJobStore:
    """Implements JobStore on any Redis >= 6.2. `lease_s` is how long a silent worker owns a job.

    What a caller is promised is confirmed by as many replicas as `responses` waits for: that a job
    is queued, is cancelled, has ended.
    """

    def __init__(self, client: Client, prefix: str, responses: RedisStore, lease_s: float) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._responses = responses
        self._stored = StoredBytes(client, self._keys)
        self._safety = responses.safety
        self._recent = RecentFlushes()
        self._codec = Codec()
        self._lease_ms = int(lease_s * 1000)

    def encode(self, event: Event) -> bytes:
        """Return an event as a line of JSON, as callers get it too."""
        return encode(event)

    def decode(self, line: bytes) -> Event:
        """Return the event that `encode` made a line of."""
        return event_from_json(orjson.loads(line))

    def enqueue(self, turn: Turn, ticket: bytes, max_queued: int) -> bool:
        """Queue a response; False where the account has `max_queued` waiting already.

        The lease comes first: whatever happens between the steps, a sweep will settle it. Only the
        last step accepts it: what comes to an end before is not run, since its caller is told so.
        """
        account, response_id = turn.account, turn.response.id
        with translated():
            if not self._run(RESERVE, account, response_id, max_queued, self._lease_ms):
                return False
        try:
            self._queue(turn, ticket)
        except StorageUnavailable:
            self._withdraw(account, response_id)
            raise
        return True

    def _queue(self, turn: Turn, ticket: bytes) -> None:
        account, response_id = turn.account, turn.response.id
        queue = self._on_index(CREATE, response_id, account, response_id, ticket)
        push = PUSH((self._keys.jobs,), (account, response_id))
        with translated():
            (queued,) = self._safety.run(self._redis, queue)
            if not queued:
                raise unknown_response(response_id)
            self._safety.run(self._redis, *self._responses.marks(turn), push)

    def _withdraw(self, account: str, response_id: str) -> None:
        """Take back what nobody was promised, if it can be: it would be run beside its repetition.

        Where the store stays away a sweep ends it once its lease is over.
        """
        with suppress(StorageUnavailable), translated():
            self._on_index(WITHDRAW, response_id, account, response_id).run(self._redis)
            self._run(FORGET, response_id)

    def announce(self) -> None:
        """Have every worker hear that something waits."""
        with translated():
            self._redis.publish(self._keys.news, "waiting")

    def take(self) -> str | None:
        """Take the next response's id by round robin over the accounts, under a new lease."""
        with translated():
            taken = self._run(TAKE, self._lease_ms)
        return taken.decode() if taken else None

    def claim(self, response_id: str, owner: str) -> Claim | None:
        """Begin to run a job that was taken; None where it is no longer to be run."""
        with translated():
            # Lost with a server, it would be begun a second time; not begun, it would never end.
            (held,) = self._safety.hopefully(self._redis, self._job(CLAIM, response_id, owner))
        return claim_of(response_id, owner, owner, held) if held else None

    def owns(self, claim: Claim) -> bool:
        """Tell whether a job is still its holder's."""
        with translated():
            owner = self._job(LEASE_TOKEN, claim.response_id).run(self._redis)
        return bool(owner == claim.owner.encode())

    def renew(self, response_ids: Sequence[str], idle_s: float = 0.0) -> None:
        """Renew the leases of these jobs, and say when their worker last could take one."""
        idle_ms = int(idle_s * 1000) if isfinite(idle_s) else -1
        with translated():
            self._run(RENEW, self._lease_ms, idle_ms, *response_ids)

    def tell(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to the streams of jobs, all in one round trip."""
        calls = [self._telling(claim, flush) for claim, flush in flushes]
        with translated():
            results = run_each(self._redis, calls)
        errors = {at: ours(each) for at, each in enumerate(results) if isinstance(each, Exception)}
        for error in errors.values():
            if not isinstance(error, StorageRefused):
                raise error
        # What Redis refuses to one job it would refuse again: that one is given up, no other.
        return [
            at not in errors and self._appended(claim.response_id, call, told)
            for at, ((claim, _), call, told) in enumerate(zip(flushes, calls, results, strict=True))
        ]

    def _appended(self, response_id: str, call: Call, told: int) -> bool:
        """Tell whether a flush is told; what a server lost with its job's is told again."""
        if told < 0:
            told = self._append_again(response_id, -1 - told, call)
        if told:
            self._recent.add(response_id, call)
        else:
            self._recent.forget(response_id)
        return bool(told)

    def _append_again(self, response_id: str, first: int, *more: Call) -> bool:
        """Tell again what was told from event `first` on, where that is still known; then more."""
        calls = self._recent.since(response_id, first)
        with translated():
            return bool(calls) and all(told > 0 for told in run_all(self._redis, [*calls, *more]))

    def _telling(self, claim: Claim, flush: Flush) -> Call:
        told = tell_arguments(claim.owner, flush, self._codec)
        return self._job(APPEND, claim.response_id, *told, self._keys.news)

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step."""
        response_id, index = claim.response_id, self._keys.index(tag_of(claim.response_id) or "")
        told = (response_id, claim.owner, claim.by, *packed(ending, self._codec), self._keys.news)
        commit = self._responses.commit_arguments(turn)
        end = FINISH((index, *self._stored.keys(turn.account)), (*told, *commit))
        with translated():
            (size,), reached = self._safety.attempt(self._redis, end)
            if size is not None and size < 0 and self._append_again(response_id, -1 - size):
                (size,), reached = self._safety.attempt(self._redis, end)
            self._recent.forget(response_id)
            if size is None or size < 0:
                return False
            self._stored.follow(turn.account, size)
            self._run(FORGET, response_id)
        self._safety.require(reached)
        return True

    def give_back(self, claim: Claim) -> Claim | None:
        """Put a job back into its queue; where that cannot be, return the claim to end it with."""
        return self._returned(claim.response_id, claim.owner, "stopped")

    def park(self, claim: Claim, retries: Retries, after_s: float) -> bool:
        """Have the job queued again after so long; False where it is its holder's no more."""
        leave = self._job(RELEASE, claim.response_id, claim.owner, retries_json(retries))
        with translated():
            if not leave.run(self._redis):
                return False
            self._run(PARK, claim.response_id, int(after_s * 1000))
        return True

    def due(self) -> int:
        """Queue what was parked long enough again; return how many jobs that are."""
        with translated():
            due: int = self._run(DUE, LOST_AT_ONCE)
        return due

    def seize(self, account: str, response_id: str, why: Why) -> Claim | None:
        """Make a job one's own, whoever runs it, to end it; None where it has ended."""
        seize = self._on_index(TAKE_OVER, response_id, account, response_id, why, self._keys.news)
        with translated():
            (held,) = self._safety.run(self._redis, seize)
        return claim_of(response_id, FINISHER, token_hex(8), held) if held else None

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease is over, each under a new one."""
        with translated():
            return [each.decode() for each in self._run(LOST, self._lease_ms, LOST_AT_ONCE)]

    def settle_lost(self, response_id: str) -> Claim | None:
        """Queue a job whose lease was lost again; else return the claim to end it with."""
        with translated():
            accepted = self._run(ACCEPTED, response_id)
        return self._returned(response_id, "", "lost" if accepted else "refused")

    def _returned(self, response_id: str, owner: str, why: Why) -> Claim | None:
        outcome = self._job(GIVE_BACK, response_id, owner, why, MAX_LOST_LEASES, self._keys.news)
        with translated():
            held = outcome.run(self._redis)
            if held and len(held) > 1:
                return claim_of(response_id, FINISHER, token_hex(8), held)
            if held:
                self._run(PUSH, held[0], response_id)
            elif not owner:
                self._run(FORGET, response_id)
        return None

    def status(self, account: str, response_id: str) -> Status | None:
        """Return whether the response is queued or in progress; None where it is neither."""
        if tag_of(response_id) is None:
            return None
        with translated():
            found = self._on_index(STATUS, response_id, account, response_id).run(self._redis)
        return cast(Status, found.decode()) if found else None

    def ticket(self, response_id: str) -> bytes | None:
        """Return the ticket of a job while it waits or runs."""
        key = self._keys.job(tag_of(response_id) or "", response_id)
        with translated():
            ticket: bytes | None = self._redis.hget(key, "ticket")
        return ticket

    def has_stream(self, account: str, response_id: str) -> bool:
        """Tell whether the response was made in the background."""
        if tag_of(response_id) is None:
            raise unknown_response(response_id)
        streamed = self._on_index(HAS_STREAM, response_id, account, response_id)
        with translated():
            held: int = streamed.run(self._redis)
        if held < 0:
            raise unknown_response(response_id)
        return held > 0

    def told(self, response_id: str, number: int) -> Told:
        """Return what the job's stream says from event `number` on, or the beginning of that."""
        with translated():
            over, entries = self._job(READ_EVENTS, response_id, number, PAGE).run(self._redis)
        lines: list[bytes] = []
        for _, (_, after, _, events, *_) in entries:
            told = self._codec.unpack(events).split(b"\n")
            lines += told[max(0, number - (int(after) - len(told))) :]
        more = len(entries) == PAGE
        return Told(lines, more, bool(over) and not more)

    def news(self) -> Iterator[tuple[What, str]]:
        """Yield what happens, and to which response, on a connection of its own, for ever.

        When it is subscribed, be it anew after a loss, some may have been missed.
        """
        with translated():
            yield from heard(self._redis, self._keys.news)

    def worker_silence_s(self) -> float:
        """Return for how many seconds no worker could take a job, infinity if none ever could."""
        with translated():
            silence_ms, *_ = self._run(FIGURES)
        return float("inf") if silence_ms < 0 else silence_ms / 1000

    def queues(self) -> Queues:
        """Return how much waits and runs."""
        with translated():
            _, queued, running, oldest_ms = self._run(FIGURES)
        return Queues(queued, running, oldest_ms / 1000)

    def _run(self, script: Script, *arguments: Any) -> Any:
        """Run a program of all jobs."""
        return script((self._keys.jobs,), arguments).run(self._redis)

    def _job(self, script: Script, response_id: str, *arguments: Any) -> Call:
        """Return the call of a program of one job, which is told the job's id first."""
        return self._on_index(script, response_id, response_id, *arguments)

    def _on_index(self, script: Script, response_id: str, *arguments: Any) -> Call:
        return script((self._keys.index(tag_of(response_id) or ""),), arguments)
