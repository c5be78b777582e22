"""The record of each background response in Redis: who holds the job, and its payload.

Fields are described in lua/job/job.lua. Every method raises what redis-py raises, and Unconfirmed
if too few replicas have a write that is promised to a caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, cast

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import tag_of
from app.domain.response import Status
from app.domain.turns.job_payload import JobPayload
from app.store.connection.client import Client
from app.store.connection.replication import Command, Safety
from app.store.connection.script import Call, Script
from app.store.jobs.base import Claim, EndReason, EventsOf, RetryState
from app.store.jobs.codec import claim_of, retries_json
from app.store.jobs.payload import load_payload, packed_payload, payload_json
from app.store.jobs.scripts import (
    CLAIM,
    CREATE,
    FINISHER,
    GIVE_BACK,
    LEASE_TOKEN,
    NOTE_CALLED,
    PAYLOAD,
    RELEASE,
    STATUS,
    STREAM_KIND,
    TAKE_OVER,
    WITHDRAW,
)
from app.store.key_wrapping import KeyWrapping
from app.store.keys import Keys
from app.store.responses.packed.packed_turn import terms
from app.store.room import GROWTH, LIGHT_BYTES, HasRoom, Room, unbounded

MAX_LOST_LEASES = 3
_EVENTS_OF: tuple[EventsOf, ...] = ("nothing", "job", "stream")


class NoRoom(Exception):
    """There is no room for a job's long payload."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that has ended, and its response's status."""

    status: str


class JobRecords:
    """The records of all jobs.

    `safety` says how many replicas must have what is promised. Long payloads are read for callers
    once there is `room` for them.
    """

    def __init__(
        self,
        client: Client,
        keys: Keys,
        safety: Safety,
        wrapping: KeyWrapping,
        room: Room = unbounded,
    ) -> None:
        self._wrapping = wrapping
        self._room = room
        self._redis: Any = client
        self._keys = keys
        self._safety = safety

    def create(self, payload: JobPayload, marks: Sequence[Command] = ()) -> bool:
        """Write `marks`, then record a job that waits; False if its conversation is another's."""
        account, response_id, key = payload.account, payload.response.id, payload.key
        data = payload_json(payload)
        arguments = (
            account,
            response_id,
            packed_payload(payload, data),
            terms(payload.response.created_at, payload.user_hash),
            check_value(key, response_id),
            self._wrapping.wrapped(response_id, key),
            len(data),
        )
        create = self._on_index(CREATE, response_id, *arguments)
        *_, is_created = self._safety.run(self._redis, *marks, create)
        return bool(is_created)

    def withdraw(self, account: str, response_id: str) -> bool:
        """Undo `create`, and what a worker has done with the job since; False if it has ended."""
        arguments = (account, response_id, self._keys.news)
        return not self._on_index(WITHDRAW, response_id, *arguments).run(self._redis)

    def claim(self, response_id: str, lease_token: str, has_room: HasRoom) -> Claim | None:
        """Claim a job that was taken, to run it; None if it must not be run any more.

        Raises NoRoom if its payload is long and `has_room` refuses the memory for it.
        """
        # Best effort: a lost claim is run twice, but a job that is never claimed would never end.
        claim = self._job(CLAIM, response_id, lease_token, LIGHT_BYTES)
        (fields,) = self._safety.best_effort(self._redis, claim)
        if isinstance(fields, int):
            if not has_room(GROWTH * fields):
                raise NoRoom
            claim = self._job(CLAIM, response_id, lease_token)
            (fields,) = self._safety.best_effort(self._redis, claim)
        return self._claim_of(response_id, lease_token, lease_token, fields)

    def lease_token(self, response_id: str) -> bytes | None:
        """Return the lease token of a job's holder."""
        token: bytes | None = self._job(LEASE_TOKEN, response_id).run(self._redis)
        return token

    def note_called(self, claim: Claim, *, called: bool) -> bool:
        """Record whether an upstream may have been called; False if it has another holder."""
        arguments = (claim.lease_token, int(called))
        return bool(self._job(NOTE_CALLED, claim.response_id, *arguments).run(self._redis))

    def release(self, claim: Claim, retries: RetryState) -> bool:
        """Free a job for the worker that takes it next; False if it has another holder."""
        release = self._job(RELEASE, claim.response_id, claim.lease_token, retries_json(retries))
        return bool(release.run(self._redis))

    def take_over(
        self, account: str, response_id: str, why: EndReason, key: ContentKey | None
    ) -> Claim | None:
        """Take over a job from the worker that runs it, to finish it; None if it has ended."""
        arguments = (account, response_id, why, self._keys.news, check_value(key, response_id))
        take_over = self._on_index(TAKE_OVER, response_id, *arguments)
        (fields,) = self._safety.run(self._redis, take_over)
        return self._claim_of(response_id, FINISHER, token_hex(8), fields)

    def give_back(
        self,
        response_id: str,
        claim: Claim | None,
        why: EndReason,
        left_s: float | None = None,
    ) -> bytes | Claim | EndedJob | None:
        """Free a job that this claim holds; None stands for any holder.

        It keeps `left_s` of its time. If the claim has not begun, no upstream was called under it.

        Returns the account in whose queue it must be put again; or, if it cannot be run again, the
        claim to finish it with; or EndedJob; or None if it has another holder, or does not exist.
        """
        lease_token = "" if claim is None else claim.lease_token
        left = "" if left_s is None else f"{left_s:.3f}"
        is_uncalled = claim is not None and not claim.begun
        arguments = (lease_token, why, MAX_LOST_LEASES, self._keys.news, left, int(is_uncalled))
        match self._job(GIVE_BACK, response_id, *arguments).run(self._redis):
            case None:
                return None
            case bytes(status):
                return EndedJob(status.decode())
            case [account]:
                return cast(bytes, account)
            case fields:
                return self._claim_of(response_id, FINISHER, token_hex(8), fields)

    def _claim_of(
        self, response_id: str, lease_token: str, holder: str, fields: Any
    ) -> Claim | None:
        if not fields:
            return None
        return claim_of(response_id, lease_token, holder, fields, self._wrapping)

    def status(self, account: str, response_id: str, key: ContentKey | None) -> Status | None:
        """Return "queued" or "in_progress"; None if it is neither."""
        found = self._seen(STATUS, account, response_id, key)
        return cast(Status, found.decode()) if found else None

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None
    ) -> EventsOf | None:
        """Return what a response's events belong to; None if the caller may not see it."""
        kind = self._seen(STREAM_KIND, account, response_id, key)
        return None if kind is None or kind < 0 else _EVENTS_OF[kind]

    def _seen(self, script: Script, account: str, response_id: str, key: ContentKey | None) -> Any:
        """Run a program that says what an account may see; None for an id that is not ours."""
        if tag_of(response_id) is None:
            return None
        arguments = (account, response_id, check_value(key, response_id))
        return self._on_index(script, response_id, *arguments).run(self._redis)

    def payload(self, response_id: str) -> JobPayload | None:
        """Return the payload of a job while it waits or runs."""
        reply, room = self._job(PAYLOAD, response_id, LIGHT_BYTES).run(self._redis), self._room
        if isinstance(reply, int):
            room(GROWTH * reply)
            room = unbounded  # room for all of it is reserved now
            reply = self._job(PAYLOAD, response_id).run(self._redis)
        packed, account, wrapped = reply
        if packed is None:
            return None
        key = self._wrapping.unwrapped(account.decode(), response_id, wrapped)
        return load_payload(packed, response_id, key, room)

    def _job(self, script: Script, response_id: str, *arguments: Any) -> Call:
        """Return the call of a program on one job, whose first argument is the job's id."""
        return self._on_index(script, response_id, response_id, *arguments)

    def _on_index(self, script: Script, response_id: str, *arguments: Any) -> Call:
        return script((self._keys.index(tag_of(response_id) or ""),), arguments)
