"""/v1/webhook_endpoints and /v1/webhook_event_types"""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.bodies import json_body, optional_json_body, read_context
from app.api.http.json_response import ignored_parameters, json_response
from app.api.http.queries import DEFAULT_LIMIT, MAX_LIMIT, integer
from app.schemas.webhooks.request import (
    CREATE_WEBHOOK,
    ROTATE_SECRET,
    SAMPLE_EVENT,
    UPDATE_WEBHOOK,
)
from app.schemas.webhooks.wire import (
    DELETED_WEBHOOK,
    SECRET_ENDPOINT,
    WEBHOOK_ENDPOINT,
    WEBHOOK_ENDPOINTS,
    event_types_list,
    sample_result,
)
from app.services.webhooks.endpoints import WebhookEndpoints

bp = Blueprint("webhooks", __name__, url_prefix="/v1")
auth.require_key(bp)


def _webhooks() -> WebhookEndpoints:
    return context.services().webhooks


@bp.post("/webhook_endpoints")
def create() -> ResponseReturnValue:
    """Create a webhook endpoint."""
    reading = read_context()
    body = CREATE_WEBHOOK.load(json_body(context.current()), context=reading)
    made = _webhooks().create(context.caller(), body["name"], body["url"], body["event_types"])
    return json_response(SECRET_ENDPOINT.dump(made), ignored_parameters(reading.ignored))


@bp.get("/webhook_endpoints")
def list_endpoints() -> ResponseReturnValue:
    """List the account's webhook endpoints, newest first."""
    limit = integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    page = _webhooks().page(context.caller(), limit, request.args.get("after") or None)
    return json_response(WEBHOOK_ENDPOINTS.dump(page))


@bp.get("/webhook_endpoints/<endpoint_id>")
def retrieve(endpoint_id: str) -> ResponseReturnValue:
    """Retrieve a webhook endpoint."""
    found = _webhooks().get(context.caller(), endpoint_id)
    return json_response(WEBHOOK_ENDPOINT.dump(found))


@bp.post("/webhook_endpoints/<endpoint_id>")
def update(endpoint_id: str) -> ResponseReturnValue:
    """Change a webhook endpoint."""
    reading = read_context()
    body = UPDATE_WEBHOOK.load(json_body(context.current()), context=reading)
    changed = _webhooks().update(context.caller(), endpoint_id, **body)
    return json_response(WEBHOOK_ENDPOINT.dump(changed), ignored_parameters(reading.ignored))


@bp.delete("/webhook_endpoints/<endpoint_id>")
def delete(endpoint_id: str) -> ResponseReturnValue:
    """Delete a webhook endpoint, and drop its pending deliveries."""
    _webhooks().delete(context.caller(), endpoint_id)
    return json_response(DELETED_WEBHOOK.dump(endpoint_id))


@bp.post("/webhook_endpoints/<endpoint_id>/rotate_secret")
def rotate_secret(endpoint_id: str) -> ResponseReturnValue:
    """Give a webhook endpoint a new secret."""
    reading = read_context()
    body = ROTATE_SECRET.load(optional_json_body(context.current()), context=reading)
    keep_old = body.get("keep_old_secret_active_for_24_hours", False)
    rotated = _webhooks().rotate_secret(context.caller(), endpoint_id, keep_old=keep_old)
    return json_response(SECRET_ENDPOINT.dump(rotated), ignored_parameters(reading.ignored))


@bp.post("/webhook_endpoints/<endpoint_id>/test")
def send_test(endpoint_id: str) -> ResponseReturnValue:
    """Send a sample event to a webhook endpoint."""
    reading = read_context()
    kind = SAMPLE_EVENT.load(json_body(context.current()), context=reading)["event_type"]
    status = _webhooks().test(context.caller(), endpoint_id, kind)
    result = sample_result(endpoint_id, kind, status)
    return json_response(result, ignored_parameters(reading.ignored))


@bp.get("/webhook_event_types")
def list_event_types() -> ResponseReturnValue:
    """List the types of events."""
    return json_response(event_types_list())
