"""Idempotency-Key: the first request is answered, repeated ones get the same answer (C3)."""

from __future__ import annotations

import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace

from app.api import context
from app.api.following import followed
from app.api.http import sse
from app.api.http.bodies import IDEMPOTENCY_KEY
from app.api.http.json_response import TraceRecorder, ignored_parameters, json_response
from app.api.http.response import WSGIResponse
from app.domain import response as domain
from app.domain.items import Item
from app.domain.prices import Cost
from app.domain.request import INCLUDE_ENCRYPTED, CreateRequest
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.turns.compaction import CompactedConversation
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    CallerGone,
    GatewayError,
    InvalidRequest,
    NotFound,
    Restarting,
    StorageRefused,
    StorageUnavailable,
    Unconfirmed,
)
from app.schemas.wire.answers import COMPACTED, ERROR_ENVELOPE
from app.schemas.wire.responses import RESPONSE
from app.services.accounts.permissions import permitted
from app.services.answering.run import without_opaque
from app.services.idempotency.kept_answers import KeptAnswer, RunningStream
from app.services.idempotency.service import OwnedKey
from app.services.responses.started import Started
from app.store.spool.store import RETRY_AFTER_S

HEADER = "Idempotency-Key"
#: For how many seconds a response that was spooled, and is not found, counts as not delivered yet.
SPOOLED_S = 3600
_is_key = re.compile(r"[!-~]{1,255}").fullmatch
_REPLAYED = {"Idempotent-Replayed": "true"}


class KeyedRecorder(TraceRecorder):
    """A TraceRecorder that also keeps the answer of a request with an Idempotency-Key.

    `cuts` records the stream's event boundaries, which are kept if the response is not stored.
    """

    def __init__(
        self,
        call: context.CallContext,
        owned: OwnedKey,
        request: CreateRequest,
        cuts: StreamCuts | None,
    ) -> None:
        super().__init__(call)
        self.owned, self.request, self.cuts = owned, request, cuts
        self.items: tuple[Item, ...] = ()  # the input of a compaction
        self.headers: dict[str, str] = {}

    def started(self, started: Started, call: UpstreamCall) -> None:
        """Record who answers, and the id of a response that is stored: others may follow it now."""
        super().started(started, call)
        self.headers = ignored_parameters(started.ignored)
        if self.request.compaction == "endpoint":
            self.items = started.items
        if self.request.store:
            self.owned.note(started.response_id, self.headers)

    def ended(self, response: domain.Response, failure: GatewayError | None, cost: Cost) -> None:
        """Record how the response ended; keep it as the key's answer, unless the key is freed."""
        super().ended(response, failure, cost)
        is_compact = self.request.compaction == "endpoint"
        came_to_nothing = is_compact and failure is not None
        if response.status == "cancelled" or came_to_nothing or _frees_the_key(failure):
            self.owned.free()
        elif is_compact:
            compacted = CompactedConversation.of(self.items, response)
            body = COMPACTED.dump(compacted)
            self.owned.finish(KeptAnswer(200, body=body, headers=self.headers))
        else:
            kept = self._kept(response, failure)
            is_copy = response.echo["store"] and not kept.response_id
            self.owned.finish(kept, response.id if is_copy else "")

    def _kept(self, response: domain.Response, failure: GatewayError | None) -> KeptAnswer:
        request = self.request
        if failure is not None and not request.stream:
            body, headers = ERROR_ENVELOPE.dump(failure), failure.retry_headers
            return KeptAnswer(failure.status, body=body, headers=headers)
        if response.echo["store"]:
            spooled_at = self.call.services.spool.put_at(response.id)
            spooled = {"spooled_at": spooled_at} if spooled_at else None
            return KeptAnswer(200, response.id, request.stream, spooled, headers=self.headers)
        if INCLUDE_ENCRYPTED not in request.parameters.include:
            response = without_opaque(response)
        cuts = "" if self.cuts is None else b64encode(bytes(self.cuts)).decode()
        return KeptAnswer(200, body=RESPONSE.dump(response), cuts=cuts, headers=self.headers)


def _frees_the_key(failure: GatewayError | None) -> bool:
    """Tell whether our restart or a failed write ended the answer: then a retry runs anew."""
    if isinstance(failure, Unconfirmed):
        return False  # it is stored, though not yet on enough replicas
    return isinstance(failure, Restarting | StorageUnavailable | StorageRefused)


def idempotency_key(current: context.CallContext) -> str | None:
    """Return the request's Idempotency-Key, if it has one.

    Raises:
        InvalidRequest: it is empty, too long, or not visible ASCII throughout.
    """
    key: str | None = current.environ.get(IDEMPOTENCY_KEY)
    if key is None or _is_key(key):
        return key
    raise InvalidRequest(
        f"The header {HEADER} must be 1 to 255 visible ASCII characters, without spaces.",
        param=HEADER,
        code="invalid_value",
    )


def idempotent(
    current: context.CallContext,
    key: str,
    request: CreateRequest,
    create: Callable[[], WSGIResponse],
) -> WSGIResponse:
    """Answer a request with a key: by `create` if it is the first, else with the first one's reply.

    A stream that is still under way is followed, whichever process sends it to the first caller.

    Raises:
        IdempotencyKeyReused: the key was used with another body before.
        PermissionDenied: the caller's key may not make this request, though another's did.
        StorageUnavailable: Redis is unreachable.
        CallerGone, Restarting: the caller left, or this process ended, during the wait.
    """
    permitted(current.caller, request)
    current.services.catalog.refuse_forbidden(request.model, current.caller)
    found = _found(current, key, follows=request.stream and request.store)
    if isinstance(found, RunningStream):
        try:
            return _joined(current, found)
        except (NotFound, InvalidRequest):  # not readable yet, or never
            found = _found(current, key, follows=False)
    if isinstance(found, KeptAnswer):
        return _replayed(current, found)
    if isinstance(found, OwnedKey):
        current.owned_key = found
        try:
            kept = _kept_before(current, found, request)
            if kept is None:
                return create()
            found.finish(kept)
            return _replayed(current, kept)
        except BaseException:
            found.abandon()
            raise
    raise TypeError("what does not follow is given no stream that runs")


def _found(
    current: context.CallContext, key: str, *, follows: bool
) -> OwnedKey | KeptAnswer | RunningStream:
    services, ends = current.services, list[GatewayError]()
    place = services.open_answers.enter(ends.append)
    watch = services.hangups.watch(
        current.environ, lambda: ends.append(CallerGone("the caller hung up"))
    )
    try:
        found = services.idempotency.begin(
            current.caller, key, current.body_digest, lambda: bool(ends), follows=follows
        )
    finally:
        services.hangups.forget(watch)
        services.open_answers.leave(place)
    if found is None:
        raise ends[0]
    return found


def _joined(current: context.CallContext, running: RunningStream) -> WSGIResponse:
    """Follow the stream of the key's first request."""
    services = current.services
    silence_s = services.requests.keepalive_s
    response_id = running.answer.response_id
    follower = services.responses.follow(current.caller, response_id, -1, silence_s)
    current.trace.response_id = response_id
    return followed(current, follower, running.answer.headers | _REPLAYED, running.listen)


def _kept_before(
    current: context.CallContext, owned: OwnedKey, request: CreateRequest
) -> KeptAnswer | None:
    """Return the answer that a lost process stored for the key; None if the model must be called.

    The process may have ended after storing the response and before recording that.
    """
    if owned.lost is None:
        return None
    response_id = owned.lost.response_id
    try:
        found = current.services.responses.get(current.caller, response_id, frozenset())
    except (NotFound, StorageUnavailable):
        return None
    if found.status not in ("completed", "incomplete"):
        return None
    return replace(owned.lost, stream=request.stream)


def _replayed(current: context.CallContext, kept: KeptAnswer) -> WSGIResponse:
    """Return a kept answer in the form that the first caller received.

    Raises:
        NotFound: the response was deleted.
        StorageUnavailable: it waits on another machine until Redis has it.
    """
    try:
        return _again(current, kept)
    except NotFound:
        if kept.response_id and kept.body and time.time() - kept.body["spooled_at"] < SPOOLED_S:
            raise StorageUnavailable(
                "The first request's answer waits on another machine until Redis has it: try again "
                "soon.",
                retry_after_s=RETRY_AFTER_S,
            ) from None
        raise


def _again(current: context.CallContext, kept: KeptAnswer) -> WSGIResponse:
    responses, caller = current.services.responses, current.caller
    headers = kept.headers | _REPLAYED
    if kept.stream:
        lines = responses.replays.lines(caller, kept.response_id, -1)
    elif kept.cuts:
        response, cuts = RESPONSE.load(kept.body), b64decode(kept.cuts)
        lines = responses.replays.lines_of(response, cuts)
    elif kept.response_id:
        found = responses.get(caller, kept.response_id, frozenset())
        return json_response(RESPONSE.dump(found), headers, status=kept.status)
    else:
        if kept.status == 202:
            responses.get(caller, kept.body["id"], frozenset())  # raises if it is deleted
        return json_response(kept.body, headers, status=kept.status)
    return sse.stream_response(sse.Stream(lines, sse.line_frames, lambda: None), headers)
