"""The store of background responses in Redis: queues, leases, events and ends.

A job is in three places: its conversation's index says what callers see of it, its own hash who
holds it (lua/job/job.lua), the queues whether it waits or is leased (lua/queues/queues.lua). On a
Cluster these may be on different servers. So each step writes the lease first: if a step is cut
off, the lease expires, and a sweep repairs the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from redis.cluster import RedisCluster

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import tag_of
from app.domain.response import Status
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.turn import Turn
from app.errors import StorageUnavailable
from app.schemas.wire.event_lines import decode, encode
from app.store.codec import Codec
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Write
from app.store.connection.script import Call
from app.store.jobs.base import (
    Claim,
    EndReason,
    EventsOf,
    Flush,
    JobNews,
    QueueFigures,
    RetryState,
    StreamPart,
)
from app.store.jobs.codec import packed
from app.store.jobs.news import listen
from app.store.jobs.queues import CROWDED_S, JobQueues, seconds_since
from app.store.jobs.records import EndedJob, JobRecords, NoRoom
from app.store.jobs.scripts import FINISH
from app.store.jobs.streams import JobStreams
from app.store.key_wrapping import KeyWrapping
from app.store.keys import Keys
from app.store.responses.base import unknown_response
from app.store.responses.redis import RedisStore
from app.store.responses.stored_bytes import StoredBytes
from app.store.room import HasRoom, always


class RedisJobStore:
    """Implements JobStore on any Redis >= 6.2. `lease_s` is how long a silent worker keeps a job.

    `wrapping` wraps the keys of encrypted jobs. What callers are promised (that a job is queued, is
    cancelled, has ended) is confirmed by as many replicas as `responses` waits for.
    """

    # Plain functions: MEASURED, a method call in between takes a tenth of encoding a delta.
    encode = staticmethod(encode)
    decode = staticmethod(decode)

    def __init__(
        self,
        client: Client,
        prefix: str,
        responses: RedisStore,
        lease_s: float,
        wrapping: KeyWrapping,
    ) -> None:
        self._redis: Any = client
        self._is_cluster = isinstance(client, RedisCluster)
        self._keys = Keys(prefix)
        self._responses = responses
        self._stored = StoredBytes(client, self._keys)
        self.safety = responses.safety
        self.take_back: Callable[[str, str], None] = self.withdraw  # or, later, Withdrawals'
        self._codec = Codec()
        self._records = JobRecords(client, self._keys, responses.safety, wrapping, responses.room)
        self._queues = JobQueues(client, self._keys, lease_s)
        self._streams = JobStreams(client, self._keys, self._codec)

    def enqueue(self, payload: JobPayload, max_queued: int, waking: Sequence[Write] = ()) -> bool:
        """Queue a response; False if the account has `max_queued` waiting already.

        The lease is written first: whatever happens between the steps, a sweep settles the job.
        Only the last step accepts it: what is lost before is not run, since its caller gets an
        error and sends it again. So if a step fails the job is withdrawn. `waking` makes a worker
        take it at once; otherwise one finds it a little later.
        """
        account, response_id = payload.account, payload.response.id
        with translated():
            if not self._queues.reserve(account, response_id, max_queued):
                return False
        try:
            self._queue(payload, waking)
        except StorageUnavailable:
            self.take_back(account, response_id)
            raise
        return True

    def _queue(self, payload: JobPayload, waking: Sequence[Write]) -> None:
        account, response_id = payload.account, payload.response.id
        push = self._queues.pushing(account, response_id)
        marks = self._responses.marks(payload.turn(payload.response))
        with translated():
            # Listed first: a sweep may end it, and what is stored then must be found.
            if not self._records.create(payload, marks):
                self._responses.unlist(account, response_id)
                raise unknown_response(response_id)
            self.safety.run(self._redis, push, *(() if self._is_cluster else waking))
        if self._is_cluster:  # wake-ups may be on another server, which may be down
            with suppress(StorageUnavailable), translated():
                ONE_SERVER.attempt(self._redis, *waking)

    def withdraw(self, account: str, response_id: str) -> None:
        """Withdraw a job that was not promised, even while it runs; one that has ended stays."""
        with translated():
            if self._records.withdraw(account, response_id):
                self._queues.forget(response_id)
                self._responses.unlist(account, response_id)

    @property
    def announcement(self) -> Command:
        """The command that makes every worker look for a waiting job."""
        return ("PUBLISH", self._keys.news, "waiting")

    def take(self, token: str = "") -> str | None:
        """Lease the next id, round robin over accounts; a token that has one gets the same one."""
        with translated():
            return self._queues.take(token)

    def claim(self, response_id: str, lease_token: str, has_room: HasRoom = always) -> Claim | None:
        """Claim a job that was taken, to run it; None if it must not be run, or not now."""
        with translated():
            try:
                return self._records.claim(response_id, lease_token, has_room)
            except NoRoom:
                self._queues.park(response_id, CROWDED_S)
                return None

    def owns(self, claim: Claim) -> bool:
        """Tell whether the claim's process still holds the job."""
        with translated():
            return self._records.lease_token(claim.response_id) == claim.lease_token.encode()

    def renew(self, response_ids: Sequence[str], idle_s: float = 0.0) -> None:
        """Renew the leases of these jobs, and record when their worker last could take one."""
        with translated():
            self._queues.renew(response_ids, idle_s)

    def append(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to the streams of jobs, all in one round trip."""
        return self._streams.append(flushes)

    def forget(self, response_ids: Sequence[str]) -> None:
        """Forget the recent flushes of streams that have ended in another way."""
        for response_id in response_ids:
            self._streams.forget(response_id)

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step."""
        response_id = claim.response_id
        finish = self._finishing(claim, turn, ending)
        with translated():
            (size,), reached = self.safety.attempt(self._redis, finish)
            # A server lost events before the last ones: write them again, then end the job.
            if size is not None and size < 0 and self._streams.append_again(response_id, -1 - size):
                (size,), reached = self.safety.attempt(self._redis, finish)
            if size is None or size < 0:
                self._streams.forget(response_id)
                return False
            self._stored.follow(turn.account, size)
        # What no replica has may be lost with its server: then the job is ended once more, with the
        # events before. No webhook is sent until the end is confirmed or swept.
        self.safety.require(reached)
        with translated():
            self._queues.end(response_id, turn.response.status)
        self._streams.forget(response_id)
        return True

    def _finishing(self, claim: Claim, turn: Turn, ending: Flush) -> Call:
        index = self._keys.index(tag_of(claim.response_id) or "")
        arguments = (
            claim.response_id,
            claim.lease_token,
            claim.holder,
            *packed(claim, ending, self._codec),
            self._keys.news,
            *self._responses.packed(turn).arguments,
        )
        return FINISH((index, *self._stored.keys(turn.account)), arguments)

    def give_back(self, claim: Claim, left_s: float | None = None) -> Claim | None:
        """Return a job to its queue, or else return the claim to finish it with."""
        given = self._give_back(claim.response_id, claim, "stopped", left_s)
        return given if isinstance(given, Claim) else None

    def note_called(self, claim: Claim, *, called: bool) -> bool:
        """Record whether an upstream may have been called for a job; see JobStore."""
        with translated():
            return self._records.note_called(claim, called=called)

    def park(self, claim: Claim, retries: RetryState, after_s: float) -> bool:
        """Queue the job again after `after_s` seconds; False if the claim no longer holds it."""
        with translated():
            if not self._records.release(claim, retries):
                return False
            self._queues.park(claim.response_id, after_s)
        return True

    def due(self) -> int:
        """Queue jobs that were parked long enough; return their number."""
        with translated():
            return self._queues.due()

    def take_over(
        self, account: str, response_id: str, why: EndReason, key: ContentKey | None = None
    ) -> Claim | None:
        """Take over a job from the worker that runs it, to finish it; None if it has ended."""
        with translated():
            return self._records.take_over(account, response_id, why, key)

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease has expired, and renew their leases."""
        with translated():
            return self._queues.lost()

    def settle_lost(self, response_id: str) -> Claim | bool:
        """Settle a job whose lease was lost; see JobStore."""
        with translated():
            is_accepted = self._queues.is_accepted(response_id)
        return self._give_back(response_id, None, "lost" if is_accepted else "refused")

    def _give_back(
        self, response_id: str, claim: Claim | None, why: EndReason, left_s: float | None = None
    ) -> Claim | bool:
        """Queue a job again that this claim holds, or any holder if None; False for another one.

        It loses its holder before it is queued: if cut off in between, it still has a lease.
        """
        with translated():
            freed = self._records.give_back(response_id, claim, why, left_s)
            if isinstance(freed, Claim):
                return freed
            if isinstance(freed, bytes):
                self._queues.push(freed, response_id)
            elif claim is None:  # it has ended: its lease must not bring it up again
                self._end(response_id, freed)
        return isinstance(freed, bytes)

    def _end(self, response_id: str, ended: EndedJob | None) -> None:
        """Remove a job whose end was cut off from the queues; None stands for one that is gone."""
        if ended is None:
            self._queues.forget(response_id)
        else:
            self._queues.end(response_id, ended.status)

    def status(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> Status | None:
        """Return "queued" or "in_progress"; None if it is neither."""
        with translated():
            return self._records.status(account, response_id, key)

    def payload(self, response_id: str) -> JobPayload | None:
        """Return the payload of a job while it waits or runs."""
        with translated():
            return self._records.payload(response_id)

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> EventsOf:
        """Return what a response's events belong to: a job, or a stream that runs."""
        with translated():
            kind = self._records.stream_kind(account, response_id, key)
        if kind is None:
            raise unknown_response(response_id)
        return kind

    def read_events(
        self, response_id: str, number: int, key: ContentKey | None = None
    ) -> StreamPart:
        """Return a job's events from `number` on, or the first part of them."""
        return self._streams.read(response_id, number, key)

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield news and ids of responses; "" after each subscription, as some may be missed."""
        with translated():
            yield from listen(self._redis, self._keys.news)

    def queues(self) -> QueueFigures:
        """Return the figures of the queues."""
        with translated():
            silence_ms, queued, running, oldest_ms, beat_ms = self._queues.figures()
        since = seconds_since(silence_ms), seconds_since(beat_ms)
        return QueueFigures(queued, running, oldest_ms / 1000, *since)
