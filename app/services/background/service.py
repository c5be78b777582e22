"""Background responses as their callers use them: queue, wait, follow, cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.domain.accounts.accounts import Caller
from app.domain.accounts.content_key import ContentKey
from app.domain.identity import RequestIdentity
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.domain.turns.job_payload import JobPayload
from app.errors import InvalidRequest, NotFound, RateLimited, StorageUnavailable
from app.services.accounts.permissions import permitted, refuse_read_only, well_formed
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.request import PreparedRequest
from app.services.background.finisher import JobFinisher
from app.services.background.subscriptions import FeedHub, Subscriber
from app.services.limits.meter import Meter, Observer
from app.settings import BackgroundSettings
from app.store.connection.replication import Write
from app.store.jobs.base import EventsOf, JobStore, LiveStreamStore, QueueFigures, StreamKind
from app.telemetry import STORE_FAILURES

#: For how many seconds a job keeps its slots while it waits, beyond its own time limit.
WAITING_S = 600.0
#: Seconds that the process which streams a response has to cancel it before it is taken over.
CANCELLED_WITHIN_S = 3.0
#: How many times a job is taken over to cancel it, before it is left to whoever has ended it.
MAX_TAKEOVERS = 3


def not_cancellable() -> InvalidRequest:
    """Return the error for a response that cannot be cancelled (E7)."""
    return InvalidRequest(
        "Only background responses can be cancelled, and streams that may go on without their "
        "caller.",
        param="response_id",
        code="response_not_cancellable",
    )


class Background:
    """The service of background responses.

    `waking` returns the writes that wake workers for that many queued jobs. `now` returns Unix
    seconds. `is_spooled` tells whether an account's response is in the spool, so that it was made
    in the foreground; it gets the key of an encrypted one.
    """

    def __init__(
        self,
        jobs: JobStore,
        streams: LiveStreamStore,
        preparation: Preparation,
        hub: FeedHub,
        meter: Meter,
        settings: BackgroundSettings,
        waking: Callable[[int], Sequence[Write]],
        now: Callable[[], float],
        is_spooled: Callable[[str, str, ContentKey | None], bool] = lambda *_: False,
    ) -> None:
        self._is_spooled = is_spooled
        self._jobs = jobs
        self._streams = streams
        self._preparation = preparation
        self._hub = hub
        self._meter = meter
        self._settings = settings
        self._waking = waking
        self._now = now
        self._finisher = JobFinisher(jobs, meter, now)

    def enqueue(
        self,
        caller: Caller,
        request: CreateRequest,
        body: Mapping[str, Any],
        observer: Observer,
        identity: RequestIdentity | None = None,
    ) -> tuple[Response, tuple[str, ...]]:
        """Queue a request; return its response and the parameters that will not be honoured.

        `body` is its JSON as the caller sent it; `identity` holds the ids that it keeps.

        Raises:
            InvalidRequest, NotFound, PermissionDenied: it cannot be served as it is.
            RateLimited: a limit is reached, or too many of the account's responses are queued.
            StorageUnavailable: the store is unreachable.
        """
        if not self._settings.enabled:
            raise InvalidRequest(
                "This gateway makes no background responses: ask without 'background'.",
                param="background",
                code="unsupported_value",
            )
        prepared = self._preparation.prepare(caller, permitted(caller, request), "queued")
        ignored = (*request.ignored, *self._preparation.ignored(prepared))
        reservation = self._meter.reserve(prepared)
        observer.admitted(reservation.standing)
        charge = reservation.hand_over(self._settings.time_limit_s + WAITING_S)
        try:
            self._queue(self._payload(prepared, body, charge, identity))
        except (RateLimited, StorageUnavailable):
            self._meter.charge_unanswered(prepared, self._meter.limiter.resume(charge))
            raise
        return prepared.response, ignored

    def _payload(
        self,
        prepared: PreparedRequest,
        body: Mapping[str, Any],
        charge: str | None,
        identity: RequestIdentity | None,
    ) -> JobPayload:
        return JobPayload(
            account=prepared.caller.account,
            key_id=prepared.caller.key_id,
            body=body,
            request=prepared.request,
            thread=prepared.thread,
            response=prepared.response,
            queued_at=self._now(),
            charge=charge,
            identity=identity,
            permissions=prepared.caller.permissions,
            user_hash=prepared.user_hash,
            key=prepared.caller.content_key,
        )

    def _queue(self, payload: JobPayload) -> None:
        most = self._settings.max_queued_per_account
        if not self._jobs.enqueue(payload, most, self._waking(1)):
            raise RateLimited(
                f"{most} background responses of this account are waiting already: wait until "
                "some have begun, or cancel some.",
                code="background_queue_full",
                retry_after_s=5,
            )

    def wait(
        self, caller: Caller, response_id: str, seconds: float, gone: Callable[[], bool]
    ) -> None:
        """Return when the response neither waits nor runs any more, or after `seconds`.

        Also returns once `gone` returns true, which is called after each `recheck`.
        """
        account, key = caller.account, caller.content_key
        with self._hub.subscribe(response_id, key) as feed:
            feed.await_end(
                lambda: self._jobs.status(account, response_id, key) is not None, seconds, gone
            )

    def recheck(self) -> None:
        """Have everyone who waits check whether to go on waiting."""
        self._hub.recheck()

    def follow(
        self, caller: Caller, response_id: str, starting_after: int, silence_s: float
    ) -> Subscriber | None:
        """Subscribe to the response's events, past and to come (E5).

        Returns None for a response that was not made in the background and is not being streamed.
        Raises NotFound if this caller has no such response.
        """
        kind = self._stream_kind(caller, well_formed(response_id))
        if kind == "nothing":
            return None
        if kind == "stream":
            with suppress(StorageUnavailable):  # without it, events are written less often
                self._streams.want(response_id)
        return Subscriber(
            self._hub,
            response_id,
            starting_after,
            silence_s,
            caller.content_key,
            # A job may have to wait for its first event, a stream has had it.
            begins_at_once=kind == "job",
        )

    def cancel(self, caller: Caller, response_id: str, *, any_kind: bool = False) -> bool:
        """Cancel a response that waits or runs; return False if there is none (E7).

        Raises InvalidRequest for a stream that ends with its caller, unless `any_kind` is set.
        """
        refuse_read_only(caller)
        kind = self._ask_cancel(caller, well_formed(response_id), any_kind=any_kind)
        if kind == "attached":
            raise not_cancellable()
        if kind is None:
            return False
        account, key = caller.account, caller.content_key
        # Repeated if another holder ended it: that end may be lost with a server.
        for _ in range(MAX_TAKEOVERS):
            claim = self._jobs.take_over(account, response_id, "cancelled", key)
            if claim is None or self._finisher.end(claim):
                break
        return True

    def _ask_cancel(self, caller: Caller, response_id: str, *, any_kind: bool) -> StreamKind | None:
        """Ask the process that streams a response to end it, since it has all events, and wait."""
        account, key = caller.account, caller.content_key
        kind = self._streams.ask_cancel(account, response_id, key, any_kind=any_kind)
        if kind == "stream":
            self.wait(caller, response_id, CANCELLED_WITHIN_S, lambda: False)
        return kind

    def was_in_background(self, caller: Caller, response_id: str) -> bool:
        """Tell whether a response was made in the background. Raises as `follow` does."""
        return self._stream_kind(caller, response_id) == "job"

    def _stream_kind(self, caller: Caller, response_id: str) -> EventsOf:
        account, key = caller.account, caller.content_key
        try:
            return self._hub.stream_kind(account, response_id, key)
        except NotFound:
            if self._is_spooled(account, response_id, key):
                return "nothing"
            raise

    def queues(self) -> QueueFigures:
        """Return how much waits and runs, and the workers' state. Raises StorageUnavailable."""
        return self._jobs.queues()

    def figures(self) -> dict[str, float]:
        """Return the figures of the queues, by the names of telemetry's FIGURES.

        Empty while the store is unreachable.
        """
        try:
            queues = self._jobs.queues()
        except StorageUnavailable:
            STORE_FAILURES.labels("queues").inc()
            return {}
        return {
            "gateway_jobs_queued": queues.queued,
            "gateway_jobs_running": queues.running,
            "gateway_jobs_oldest_seconds": queues.oldest_s,
        }
