"""The store of background responses in Redis: what is queued, leased, told and ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.domain.ids import tag_of
from app.store.base import Turn, unknown_response
from app.store.connect import Client
from app.store.jobs_base import Claim, Flush, Job, Queues, Told
from app.store.jobs_lua import (
    CLAIM,
    END,
    FORGET,
    LOST,
    PENDING,
    PUSH,
    QUEUE,
    RENEW,
    RESERVE,
    RETURN,
    SEIZE,
    STANDING,
    STREAMED,
    TAKE,
    TELL,
)
from app.store.keys import Keys
from app.store.redis import RedisStore
from app.store.seam import translated

MAX_LOST_LEASES = 3
LOST_AT_ONCE = 100
NEWS_WAIT_S = 5.0


class RedisJobStore:
    """Implements JobStore on any Redis >= 6.2. `lease_s` is how long a silent worker owns a job."""

    def __init__(self, client: Client, prefix: str, responses: RedisStore, lease_s: float) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._responses = responses
        self._lease_ms = int(lease_s * 1000)

    def enqueue(self, turn: Turn, ticket: bytes, max_queued: int) -> bool:
        """Queue a response; False where the account has `max_queued` waiting already.

        The lease comes first: whatever happens between the steps, a sweep will settle it.
        """
        account, response_id = turn.account, turn.response.id
        with translated():
            room = self._jobs(RESERVE, account, response_id, max_queued, self._lease_ms)
            if not room:
                return False
            if not self._job(QUEUE, response_id, account, response_id, ticket):
                raise unknown_response(response_id)
            self._responses.mark(turn)
            self._jobs(PUSH, account, response_id)
        return True

    def take(self) -> str | None:
        """Take the next response's id by round robin over the accounts, under a new lease."""
        with translated():
            taken = self._jobs(TAKE, self._lease_ms)
        return taken.decode() if taken else None

    def claim(self, response_id: str, owner: str) -> Claim | None:
        """Begin to run a job that was taken; None where it is no longer to be run."""
        with translated():
            held = self._job(CLAIM, response_id, response_id, owner)
        return _claim(response_id, owner, held)

    def renew(self, response_ids: Sequence[str]) -> None:
        """Renew the leases of these jobs, and say that a worker lives."""
        with translated():
            self._jobs(RENEW, self._lease_ms, *response_ids)

    def tell(self, claim: Claim, flush: Flush, *, spoke: bool) -> bool:
        """Append to the job's stream; `spoke` says that the model has said something."""
        response_id = claim.job.response_id
        with translated():
            told = self._job(
                TELL,
                response_id,
                response_id,
                claim.owner,
                *_told(flush),
                int(spoke),
                *self._news("told", response_id),
            )
        return bool(told)

    def finish(self, claim: Claim, turn: Turn, ending: Flush) -> bool:
        """End the job: its last events and its response, in one step."""
        response_id = claim.job.response_id
        word = "cancelled" if turn.response.status == "cancelled" else "told"
        with translated():
            ended = self._job(
                END,
                response_id,
                *self._responses.commit_arguments(turn),
                claim.owner,
                *_told(ending),
                *self._news(word, response_id),
            )
            self.forget(turn.account, response_id)
        return bool(ended)

    def give_back(self, claim: Claim) -> bool:
        """Put a job back into its queue; False where its model has spoken: it is to be ended."""
        job = claim.job
        with translated():
            outcome = self._job(RETURN, job.response_id, job.response_id, claim.owner, 0, 1)
            if outcome == b"queued":
                self._jobs(PUSH, job.account, job.response_id)
        return bool(outcome != b"ended")

    def forget(self, account: str, response_id: str) -> None:
        """Take a job that has ended out of the queues."""
        with translated():
            self._jobs(FORGET, response_id, account)

    def seize(self, account: str, response_id: str, owner: str) -> Claim | None:
        """Make a job one's own, whoever runs it, to end it; None where it has ended."""
        with translated():
            held = self._job(SEIZE, response_id, account, response_id, owner)
        return _claim(response_id, owner, held)

    def lost(self) -> Sequence[str]:
        """Return some ids whose lease is over, each under a new one."""
        with translated():
            return [each.decode() for each in self._jobs(LOST, self._lease_ms, LOST_AT_ONCE)]

    def settle_lost(self, response_id: str) -> str | None:
        """Queue a job whose lease was lost again; return its account where that cannot be."""
        with translated():
            account = self._redis.hget(f"{self._keys.jobs}:accounts", response_id)
            owner = account.decode() if account else ""
            outcome = self._job(RETURN, response_id, response_id, "", 1, MAX_LOST_LEASES)
            if outcome == b"queued":
                self._jobs(PUSH, owner, response_id)
            elif outcome == b"gone":
                self.forget(owner, response_id)
        return owner if outcome == b"ended" else None

    def pending(self, account: str, response_id: str) -> Job | None:
        """Return the job while it waits or runs."""
        if tag_of(response_id) is None:
            return None
        with translated():
            held = self._job(PENDING, response_id, account, response_id)
        if not held or held[0] is None:
            return None
        status, ticket = held
        waits = status == b"queued"
        return Job(account, response_id, "queued" if waits else "in_progress", ticket)

    def is_pending(self, account: str, response_id: str) -> bool:
        """Tell whether the response waits or runs."""
        return self.pending(account, response_id) is not None

    def has_stream(self, account: str, response_id: str) -> bool:
        """Tell whether the response was made in the background.

        Raises NotFound where it is unknown, deleted or another account's.
        """
        if tag_of(response_id) is None:
            raise unknown_response(response_id)
        with translated():
            held: int = self._job(STREAMED, response_id, account, response_id)
        if held < 0:
            raise unknown_response(response_id)
        return held > 0

    def told(self, response_id: str, cursor: str) -> Told:
        """Return what the job's stream says behind `cursor` ("" for all of it)."""
        key = self._keys.events(tag_of(response_id) or "", response_id)
        with translated():
            entries = self._redis.xrange(key, min=f"({cursor}" if cursor else "-")
        flushes = tuple(
            Flush(int(fields[b"n"]), tuple(fields[b"d"].split(b"\n"))) for _, fields in entries
        )
        return Told(entries[-1][0].decode() if entries else cursor, flushes)

    def news(self) -> Iterator[tuple[str, str]]:
        """Yield (what, response id) as they happen, on a connection of its own, for ever."""
        with translated():
            listener = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                listener.subscribe(self._keys.news)
                yield "", ""
                while True:
                    message = listener.get_message(timeout=NEWS_WAIT_S)
                    if message:
                        what, _, response_id = message["data"].decode().partition(" ")
                        yield what, response_id
            finally:
                listener.close()

    def worker_silence_s(self) -> float:
        """Return the seconds since a worker said that it lives, infinity if none ever did."""
        with translated():
            silence_ms, *_ = self._jobs(STANDING)
        return float("inf") if silence_ms < 0 else silence_ms / 1000

    def queues(self) -> Queues:
        """Return how much waits and runs."""
        with translated():
            _, queued, running, oldest_ms = self._jobs(STANDING)
        return Queues(queued, running, oldest_ms / 1000)

    def _jobs(self, script: Any, *arguments: Any) -> Any:
        return script((self._keys.jobs,), arguments).run(self._redis)

    def _job(self, script: Any, response_id: str, *arguments: Any) -> Any:
        index = self._keys.index(tag_of(response_id) or "")
        return script((index,), arguments).run(self._redis)

    def _news(self, what: str, response_id: str) -> tuple[str, str]:
        return self._keys.news, f"{what} {response_id}"


def _told(flush: Flush) -> tuple[int, bytes, int]:
    return flush.first, b"\n".join(flush.lines), len(flush.lines)


def _claim(response_id: str, owner: str, held: Any) -> Claim | None:
    if not held:
        return None
    account, ticket, told = held
    return Claim(Job(account.decode(), response_id, "in_progress", ticket), owner, int(told))
