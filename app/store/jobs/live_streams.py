"""Live streams in Redis: how other processes see streams that web processes send to callers.

While such a stream runs it is stored like a job (lua/job/job.lua): a record, a lease, its events.
Storing the response deletes these (responses/lua/commit.lua).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import tag_of
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Write
from app.store.connection.script import Call, Script
from app.store.jobs.base import JobNews, NewStream, StreamKind
from app.store.jobs.news import listen
from app.store.jobs.payload import dump_payload
from app.store.jobs.scripts import (
    ASK_CANCEL,
    BEGIN_STREAM,
    FORGET_STREAMS,
    LEASE_STREAMS,
    LEASE_TOKEN,
)
from app.store.key_wrapping import KeyWrapping
from app.store.keys import Keys
from app.store.responses.packed.packed_turn import terms
from app.store.responses.redis import RedisStore


class RedisLiveStreamStore:
    """Implements LiveStreamStore.

    `lease_s` is how long a silent process keeps a stream; `wrapping` wraps the keys of encrypted
    ones.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        responses: RedisStore,
        lease_s: float,
        wrapping: KeyWrapping,
    ) -> None:
        self._wrapping = wrapping
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._responses = responses
        self._lease_ms = int(lease_s * 1000)

    def begin(self, streams: Sequence[NewStream]) -> list[bool]:
        """Make streams visible in one round trip; False for one that has ended.

        The leases are written first: if the rest is cut off, a sweep finds the stream.
        """
        writes: list[Write] = [self._leasing([each.claim.response_id for each in streams])]
        for each in streams:
            writes += self._responses.marks(each.payload.turn(each.payload.response))
        begins = list(map(self._beginning, streams))
        with translated():
            replies, _ = ONE_SERVER.attempt(self._redis, *writes, *begins)
        return [bool(reply) for reply in replies[len(writes) :]]

    def _beginning(self, stream: NewStream) -> Call:
        claim, kind = stream.claim, "outlasting" if stream.outlasts else "stream"
        response_id, key, payload = claim.response_id, claim.key, stream.payload
        arguments = (
            claim.account,
            response_id,
            claim.lease_token,
            dump_payload(payload),
            kind,
            terms(payload.response.created_at, payload.user_hash),
            check_value(key, response_id),
            self._wrapping.wrapped(response_id, key),
        )
        return self._on_index(BEGIN_STREAM, response_id, *arguments)

    def lease(self, response_ids: Sequence[str]) -> None:
        """Renew the leases of streams."""
        with translated():
            self._leasing(response_ids).run(self._redis)

    def _leasing(self, response_ids: Sequence[str]) -> Call:
        return LEASE_STREAMS((self._keys.jobs,), (self._lease_ms, *response_ids))

    def forget(self, response_ids: Sequence[str]) -> None:
        """Delete the leases of streams that have ended."""
        with translated():
            FORGET_STREAMS((self._keys.jobs,), tuple(response_ids)).run(self._redis)

    def lease_token(self, response_id: str) -> str | None:
        """Return the lease token of a stream's holder; None if there is no record."""
        with translated():
            token = self._on_index(LEASE_TOKEN, response_id, response_id).run(self._redis)
        return None if token is None else cast(str, token.decode())

    def ask_cancel(
        self, account: str, response_id: str, key: ContentKey | None = None, *, any_kind: bool
    ) -> StreamKind | None:
        """Ask the process that streams a response to cancel it."""
        if tag_of(response_id) is None:
            return None
        check = check_value(key, response_id)
        arguments = (account, response_id, self._keys.news, int(any_kind), check)
        with translated():
            kind = self._on_index(ASK_CANCEL, response_id, *arguments).run(self._redis)
        return None if kind is None else cast(StreamKind, kind.decode())

    def want(self, response_id: str) -> None:
        """Announce that somebody follows a stream."""
        with translated():
            self._redis.publish(self._keys.stream_news, f"wanted {response_id}")

    def news(self) -> Iterator[tuple[JobNews, str]]:
        """Yield requests about streams, for ever, on a connection of its own."""
        with translated():
            yield from listen(self._redis, self._keys.stream_news)

    def _on_index(self, script: Script, response_id: str, *arguments: Any) -> Call:
        return script((self._keys.index(tag_of(response_id) or ""),), arguments)
