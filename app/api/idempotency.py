"""Requests with an Idempotency-Key: the first is answered, the others are given its answer (C3)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable

from app.api import context
from app.api.following import followed
from app.api.http import sse
from app.api.http.bodies import IDEMPOTENCY_KEY
from app.api.http.json_response import TraceRecorder, json_response
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
from app.services.answering.run import without_opaque
from app.services.idempotency.kept_answers import KeptAnswer
from app.services.idempotency.service import OwnedKey, RunningStream
from app.services.responses.started import Started

HEADER = "Idempotency-Key"
_is_key = re.compile(r"[!-~]{1,255}").fullmatch
_REPLAYED = {"Idempotent-Replayed": "true"}


class KeyedRecorder(TraceRecorder):
    """Notes what a TraceRecorder does, and keeps the answer of a request that has a key.

    `cuts` notes where the response's stream is cut, which is kept of one that is not stored.
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
        self.items: tuple[Item, ...] = ()  # what is compacted

    def started(self, started: Started, call: UpstreamCall) -> None:
        """Note who answers, and what is to be stored: others may follow it from now on."""
        super().started(started, call)
        if self.request.compaction == "endpoint":
            self.items = started.items
        if self.request.store:
            self.owned.note(started.response_id)

    def ended(self, response: domain.Response, failure: GatewayError | None, cost: Cost) -> None:
        """Note how the answer ended; keep it, unless it was given up."""
        super().ended(response, failure, cost)
        is_compact = self.request.compaction == "endpoint"
        came_to_nothing = is_compact and failure is not None
        if response.status == "cancelled" or came_to_nothing or _frees_the_key(failure):
            self.owned.free()
        elif is_compact:
            compacted = CompactedConversation.of(self.items, response)
            self.owned.finish(KeptAnswer(200, body=COMPACTED.dump(compacted)))
        else:
            kept = self._kept(response, failure)
            is_copy = response.echo["store"] and not kept.response_id
            self.owned.finish(kept, response.id if is_copy else "")

    def _kept(self, response: domain.Response, failure: GatewayError | None) -> KeptAnswer:
        request = self.request
        if failure is not None and not request.stream:
            return KeptAnswer(failure.status, body=ERROR_ENVELOPE.dump(failure))
        if response.echo["store"]:
            return KeptAnswer(200, response.id, request.stream)
        if INCLUDE_ENCRYPTED not in request.parameters.include:
            response = without_opaque(response)
        cuts = "" if self.cuts is None else b64encode(bytes(self.cuts)).decode()
        return KeptAnswer(200, body=RESPONSE.dump(response), cuts=cuts)


def _frees_the_key(failure: GatewayError | None) -> bool:
    """Tell whether an answer was ended by our own restart, or was not stored: what keys are for."""
    if isinstance(failure, Unconfirmed):
        return False  # it is stored, if not yet as safely as it is to be
    return isinstance(failure, Restarting | StorageUnavailable | StorageRefused)


def idempotency_key(current: context.CallContext) -> str | None:
    """Return the key that a request came with, if it did.

    Raises:
        InvalidRequest: it is empty, too long, or has other characters than visible ASCII.
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
    """Answer a request with a key: as the first was answered, or by `create` where it is the first.

    A stream that is under way is followed, whichever process sends it to the first caller.

    Raises:
        IdempotencyKeyReused: the key came with another body before.
        StorageUnavailable: Redis is unreachable.
        CallerGone, Restarting: the caller, or this process, went while the first was under way.
    """
    found = _found(current, key, follows=request.stream and request.store)
    if isinstance(found, RunningStream):
        try:
            return _joined(current, found)
        except (NotFound, InvalidRequest):  # it cannot be seen yet, or ever
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
    """Follow the stream that the first request with a key makes."""
    services = current.services
    silence_s = services.requests.keepalive_s
    follower = services.responses.follow(current.caller, running.response_id, -1, silence_s)
    current.trace.response_id = running.response_id
    return followed(current, follower, _REPLAYED, running.listen)


def _kept_before(
    current: context.CallContext, owned: OwnedKey, request: CreateRequest
) -> KeptAnswer | None:
    """Return what a lost process has answered with the key; None where the model is to be asked.

    It may have been lost after it had stored the response, and before that was noted.
    """
    if not owned.lost_response:
        return None
    try:
        found = current.services.responses.get(current.caller, owned.lost_response, frozenset())
    except (NotFound, StorageUnavailable):
        return None
    if found.status not in ("completed", "incomplete"):
        return None
    return KeptAnswer(200, found.id, request.stream)


def _replayed(current: context.CallContext, kept: KeptAnswer) -> WSGIResponse:
    """Return an answer as it was the first time."""
    responses, caller = current.services.responses, current.caller
    if kept.stream:
        lines = responses.replays.lines(caller, kept.response_id, -1)
    elif kept.cuts:
        response, cuts = RESPONSE.load(kept.body), b64decode(kept.cuts)
        lines = responses.replays.lines_of(response, cuts)
    elif kept.response_id:
        found = responses.get(caller, kept.response_id, frozenset())
        return json_response(RESPONSE.dump(found), _REPLAYED, status=kept.status)
    else:
        headers = _REPLAYED
        if kept.status == 202:  # where it can be looked for (E3), while it is there
            responses.get(caller, kept.body["id"], frozenset())
            at = {"Location": f"/v1/responses/{kept.body['id']}", "Retry-After": "1"}
            headers = headers | at
        return json_response(kept.body, headers, status=kept.status)
    return sse.stream_response(sse.Stream(lines, sse.line_frames, lambda: None), _REPLAYED)
