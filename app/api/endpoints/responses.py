"""/v1/responses"""

from __future__ import annotations

import math
from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth
from app.api import context as current
from app.api.http import sse
from app.api.http.bodies import json_body, let_others_run
from app.api.http.errors import nothing_here
from app.api.http.json_response import Noting, describing, ignoring, json
from app.api.http.queries import boolean, include_values, integer, page_query
from app.errors import CallerGone, GatewayError
from app.providers.base import UpstreamCall
from app.schemas.docs.openapi import endpoint_info
from app.schemas.items import item_json
from app.schemas.request.create import load_create_request
from app.schemas.responses import response_json
from app.telemetry import STREAMS_OPEN

bp = Blueprint("responses", __name__, url_prefix="/v1/responses")
auth.require_key(bp)

MAX_WAIT_S = 60
MAX_NUMBER = 10**9 - 1
#: Where a server that can says how to push (app.serving).
PUSH = "responses_gateway.push"


@bp.get("")
def describe() -> ResponseReturnValue:
    """Tell what this endpoint offers (E1)."""
    return json(endpoint_info())


@bp.post("")
def create() -> ResponseReturnValue:
    """Create a response: whole, streamed as server-sent events, or in the background."""
    held = current.held()
    services, caller, trace = held.services, held.caller, held.trace
    policy = caller.unsupported_tools or services.requests.unsupported_tools
    body = json_body(held)
    asked = load_create_request(body, unsupported_tools=policy, pause=let_others_run)
    trace.model = asked.model
    noting = Noting(held)
    if asked.background:
        queued, ignored = services.background.enqueue(caller, asked, body, noting, held.identity)
        trace.response_id, trace.outcome = queued.id, queued.status
        location = {"Location": f"{bp.url_prefix}/{queued.id}", "Retry-After": "1"}
        return json(response_json(queued), location | ignoring(ignored), status=202)
    silence_s = services.requests.keepalive_s
    call = UpstreamCall(deadline=math.inf, silence_s=silence_s, identity=held.identity)
    place = services.open_answers.enter(call.abort)
    watch = services.hangups.watch(held.environ, call.cancel)
    try:
        started = services.responses.start(caller, asked, call, noting)
        noting.started(started, call)
        if asked.stream:
            run, push = started.run, held.environ.get(PUSH)
            if push is not None:
                call.relay = sse.relay(run, push)
            told = sse.Stream(run.events(), sse.frames, streaming(services, watch, place))
            watch = place = None  # now the stream's to end
            return sse.answer(told, describing(started, trace))
        return json(response_json(started.run.response()), describing(started, trace))
    finally:
        noting.asked(call)
        services.hangups.forget(watch)
        services.open_answers.leave(place)


def streaming(
    services: current.Services, watch: object | None, place: object
) -> Callable[[], None]:
    """Count a stream; return what is to be called when it is over."""
    STREAMS_OPEN.inc()

    def over() -> None:
        STREAMS_OPEN.dec()
        services.hangups.forget(watch)
        services.open_answers.leave(place)

    return over


@bp.post("/input_tokens")
@bp.post("/compact")
def missing() -> ResponseReturnValue:
    """Say that these are not there: a 405 would name the methods of another path (E11)."""
    raise nothing_here()


@bp.get("/<response_id>")
def retrieve(response_id: str) -> ResponseReturnValue:
    """Retrieve a stored response; or follow one made in the background, or wait for its end."""
    responses, caller, include = current.responses(), current.caller(), include_values()
    if boolean("stream"):
        return followed(response_id)
    if wait_s := integer("wait", 0, 0, MAX_WAIT_S):
        waited(response_id, wait_s)
    return json(response_json(responses.get(caller, response_id, include)))


def waited(response_id: str, wait_s: float) -> None:
    """Return when a response has ended, or this process is about to, or after so many seconds."""
    held = current.held()
    services, answers = held.services, held.services.open_answers
    place = answers.enter(lambda _: services.background.stir())
    try:
        services.responses.wait(held.caller, response_id, wait_s, answers.is_closed)
    finally:
        answers.leave(place)


def followed(response_id: str) -> ResponseReturnValue:
    """Replay a background response's events and follow them to the end (E5).

    Where this process ends first, an `error` event says so: the response goes on, and can be
    followed elsewhere from the number on that this event repeats.
    """
    held = current.held()
    services = held.services
    faults: list[GatewayError] = []

    def cut(fault: GatewayError) -> None:
        faults.append(fault)
        follower.leave()

    follower = services.background.follow(
        held.caller,
        response_id,
        integer("starting_after", -1, 0, MAX_NUMBER),
        services.requests.keepalive_s,
    )

    def leave() -> None:
        held.trace.error_code = CallerGone.code
        follower.leave()

    place = services.open_answers.enter(cut)
    watch = services.hangups.watch(held.environ, leave)
    over = streaming(services, watch, place)
    lines = sse.with_fault(follower, faults)
    return sse.answer(sse.Stream(lines, sse.line_frames, over))


@bp.post("/<response_id>/cancel")
def cancel(response_id: str) -> ResponseReturnValue:
    """Cancel a background response; one that has ended stays as it is (E7)."""
    return json(response_json(current.responses().cancel(current.caller(), response_id)))


@bp.delete("/<response_id>")
def delete(response_id: str) -> ResponseReturnValue:
    """Soft-delete a stored response (E2)."""
    current.responses().delete(current.caller(), response_id)
    return json({"id": response_id, "object": "response.deleted", "deleted": True})


@bp.get("/<response_id>/input_items")
def input_items(response_id: str) -> ResponseReturnValue:
    """List what the model saw, a page at a time (E6)."""
    query, include = page_query(), include_values()
    page = current.responses().input_items(current.caller(), response_id, include=include, **query)
    items = [item_json(item) for item in page.items]
    return json(
        {
            "object": "list",
            "data": items,
            "first_id": items[0]["id"] if items else None,
            "last_id": items[-1]["id"] if items else None,
            "has_more": page.has_more,
        }
    )
