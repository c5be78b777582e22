"""/v1/responses"""

from __future__ import annotations

import math
from hashlib import sha256
from time import monotonic
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.following import followed, streaming
from app.api.http import sse
from app.api.http.bodies import json_body, pacing
from app.api.http.content_key import take_content_key
from app.api.http.json_response import (
    TraceRecorder,
    ignored_parameters,
    json_response,
    response_headers,
)
from app.api.http.queries import boolean, include_values, integer, page_query
from app.api.http.response import WSGIResponse
from app.api.idempotency import idempotency_key, idempotent
from app.api.left_streams import AbsentCaller, goes_on
from app.api.server_keys import PUSH, UPGRADE
from app.api.turns.turn import SocketTurn, turn_of
from app.api.websocket.handshake import upgraded
from app.domain.request import CreateRequest
from app.domain.upstream_call import UpstreamCall
from app.schemas.docs.openapi import endpoint_info
from app.schemas.field import ReadContext
from app.schemas.request.compact import COMPACT_REQUEST
from app.schemas.request.create import CREATE_REQUEST, INPUT_TOKENS_REQUEST
from app.schemas.wire.answers import COMPACTED, DELETED, ITEM_LIST, TOKEN_COUNT
from app.schemas.wire.responses import RESPONSE
from app.services.idempotency.kept_answers import KeptAnswer
from app.services.responses.started import Started

bp = Blueprint("responses", __name__, url_prefix="/v1/responses")
auth.require_key(bp)
take_content_key(bp)

MAX_WAIT_S = 60
#: Timeout for an upstream's token count, in seconds; after it the tokens are estimated.
COUNTED_WITHIN_S = 10.0
#: Above the `sequence_number` of any event.
MAX_NUMBER = 10**9


@bp.get("")
def describe() -> ResponseReturnValue:
    """Describe this endpoint (E1), or open a WebSocket if the request asks for an upgrade (E10)."""
    current = context.current()
    upgrade = current.environ.get(UPGRADE)
    if upgrade is not None:
        return upgraded(current, upgrade)
    return json_response(endpoint_info(current.services.catalog.passed(current.caller)))


@bp.post("")
def create() -> ResponseReturnValue:
    """Create a response: whole, streamed as server-sent events, or in the background."""
    current = context.current()
    body, turn = json_body(current), turn_of(current.environ)
    request = CREATE_REQUEST.load(body, context=_reading(current, body, turn))
    current.trace.model = request.model
    current.trace.model_label = current.services.catalog.label(request.model)
    is_to_go_on = goes_on(current, request)
    if turn is not None and not turn.generates:
        return _prepared(current, request, turn)

    def answer() -> WSGIResponse:
        if request.background:
            return _enqueued(current, request, body)
        return _answered(current, request, body, turn, is_to_go_on=is_to_go_on)

    key = idempotency_key(current)
    return answer() if key is None else idempotent(current, key, request, answer)


def _reading(
    current: context.CallContext, body: Any, turn: SocketTurn | None = None
) -> ReadContext:
    """Return how to read this caller's body, including what the model's provider accepts."""
    settings = current.services.requests
    policy = current.caller.unsupported_tools or settings.unsupported_tools
    model = body.get("model") if isinstance(body, dict) else None
    return ReadContext(
        drops_unsupported=policy == "drop",
        refuses_unknown=settings.unknown_parameters == "refuse",
        needs_input=turn is None or turn.generates,  # else the request is only prepared
        policy=current.services.catalog.policy(model),
        allowed_tools=current.caller.hosted_tools,
        pause=pacing(),
    )


def _prepared(
    current: context.CallContext, request: CreateRequest, turn: SocketTurn
) -> WSGIResponse:
    """Prepare a request for those that will continue it, without calling a model (E10)."""
    warm_ups, recorder = current.services.responses.warm_ups, TraceRecorder(current)
    events = warm_ups.prepare(current.caller, request, recorder, turn.memory)
    return sse.stream_response(sse.Stream([events], sse.frames, lambda: None))


def _enqueued(current: context.CallContext, request: CreateRequest, body: Any) -> WSGIResponse:
    """Enqueue a background response: 202, with the URL where it can be retrieved (E3)."""
    queued, ignored = current.services.background.enqueue(
        current.caller, request, body, TraceRecorder(current), current.identity
    )
    current.trace.response_id, current.trace.outcome = queued.id, queued.status
    headers = {"Location": f"{bp.url_prefix}/{queued.id}", "Retry-After": "1"}
    headers |= ignored_parameters(ignored)
    answer = RESPONSE.dump(queued)
    if current.owned_key is not None:
        current.owned_key.finish(KeptAnswer(202, body=answer, headers=headers), queued.id)
    return json_response(answer, headers, status=202)


def _answered(
    current: context.CallContext,
    request: CreateRequest,
    body: Any,
    turn: SocketTurn | None = None,
    *,
    is_to_go_on: bool,
) -> WSGIResponse:
    """Call a model and return its answer, whole or as a stream.

    A caller that hangs up, and the end of this process, both stop the call early.
    """
    services, trace = current.services, current.trace
    silence_s = services.requests.keepalive_s
    call = UpstreamCall(deadline=math.inf, silence_s=silence_s, identity=current.identity)
    if turn is not None:
        turn.attach(call)
    memory = None if turn is None else turn.memory
    absent = AbsentCaller(current, request, body, call, is_to_go_on=is_to_go_on)
    recorder = absent.recorder
    place = services.open_answers.enter(call.abort)
    watch = absent.watch()
    try:
        started = services.responses.start(
            current.caller, request, call, recorder, absent.terms, memory
        )
        recorder.started(started, call)
        if not request.stream:
            answer = _whole(started, request)
            return json_response(answer, response_headers(started, trace))
        run, push = started.run, current.environ.get(PUSH)
        if push is not None:
            call.relay_to(sse.relay(run, push))
        over = streaming(services, watch, place)
        stream = sse.Stream(run.events(), sse.frames, over, absent.carry_on)
        watch = place = None  # from here on the stream ends them
        return sse.stream_response(stream, response_headers(started, trace))
    finally:
        recorder.upstream_called(call)
        services.hangups.forget(watch)
        services.open_answers.leave(place)


def _whole(started: Started, request: CreateRequest) -> dict[str, Any]:
    """Return the JSON of an answer once it is complete."""
    if request.compaction == "endpoint":
        return COMPACTED.dump(started.compacted())
    return RESPONSE.dump(started.run.response())


@bp.post("/input_tokens")
def count_input() -> ResponseReturnValue:
    """Count the input tokens of a request, as its model would count them (G9, N18)."""
    current = context.current()
    body = json_body(current)
    request = INPUT_TOKENS_REQUEST.load(body, context=_reading(current, body))
    current.trace.model = request.model or None
    current.trace.model_label = current.services.catalog.label(request.model)
    services, recorder = current.services, TraceRecorder(current)
    call = UpstreamCall(deadline=monotonic() + COUNTED_WITHIN_S, identity=current.identity)
    place = services.open_answers.enter(call.abort)
    watch = services.hangups.watch(current.environ, call.cancel)
    try:
        count = services.responses.count_input(current.caller, request, call, recorder)
    finally:
        recorder.upstream_called(call)
        services.hangups.forget(watch)
        services.open_answers.leave(place)
    estimated = {"X-Estimated": "input_tokens"} if count.is_estimate else {}
    return json_response(TOKEN_COUNT.dump(count), estimated | ignored_parameters(request.ignored))


@bp.post("/compact")
def compact() -> ResponseReturnValue:
    """Return a conversation's compacted form (G6), by the same path as any other response.

    It is never stored and never streamed.
    """
    current = context.current()
    body = json_body(current)
    request = COMPACT_REQUEST.load(body, context=_reading(current, body))
    current.trace.model = request.model
    current.trace.model_label = current.services.catalog.label(request.model)
    is_to_go_on = goes_on(current, request)

    def answer() -> WSGIResponse:
        return _answered(current, request, body, is_to_go_on=is_to_go_on)

    key = idempotency_key(current)
    if key is None:
        return answer()
    # The same body may also be sent to POST /v1/responses: the prefix keeps the digests apart.
    current.body_digest = sha256(b"compact\0" + current.body_digest).digest()
    return idempotent(current, key, request, answer)


@bp.get("/<response_id>")
def retrieve(response_id: str) -> ResponseReturnValue:
    """Retrieve a stored response, follow a running one, or wait for its end."""
    responses, caller, include = context.responses(), context.caller(), include_values()
    if boolean("stream"):
        return follow(response_id)
    if wait_s := integer("wait", 0, 0, MAX_WAIT_S):
        wait_for_end(response_id, wait_s)
    return json_response(RESPONSE.dump(responses.get(caller, response_id, include)))


def wait_for_end(response_id: str, wait_s: float) -> None:
    """Return when a response has ended, this process is about to end, or `wait_s` have passed."""
    current = context.current()
    services, answers = current.services, current.services.open_answers
    place = answers.enter(lambda _: services.background.recheck())
    try:
        services.responses.wait(current.caller, response_id, wait_s, answers.is_closed)
    finally:
        answers.leave(place)


def follow(response_id: str) -> ResponseReturnValue:
    """Replay a response's events, and follow a running one to its end (E5, C7)."""
    current = context.current()
    services = current.services
    starting_after = min(integer("starting_after", -1, 0, None), MAX_NUMBER)
    silence_s = services.requests.keepalive_s
    follower = services.responses.follow(current.caller, response_id, starting_after, silence_s)
    return followed(current, follower)


@bp.post("/<response_id>/cancel")
def cancel(response_id: str) -> ResponseReturnValue:
    """Cancel a background response, or a stream that outlasts its caller; ended ones stay (E7)."""
    cancelled = context.responses().cancel(context.caller(), response_id)
    context.trace().response_id = response_id
    return json_response(RESPONSE.dump(cancelled))


@bp.delete("/<response_id>")
def delete(response_id: str) -> ResponseReturnValue:
    """Soft-delete a stored response (E2)."""
    context.responses().delete(context.caller(), response_id)
    context.trace().response_id = response_id
    return json_response(DELETED.dump(response_id))


@bp.get("/<response_id>/input_items")
def input_items(response_id: str) -> ResponseReturnValue:
    """List the items that the model saw, a page at a time (E6)."""
    query, include = page_query(), include_values()
    page = context.responses().input_items(context.caller(), response_id, query, include)
    return json_response(ITEM_LIST.dump(page))
