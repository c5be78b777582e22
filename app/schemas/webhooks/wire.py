"""Webhook endpoints as their accounts see them, and events as their receivers get them."""

from __future__ import annotations

from typing import Any

import orjson

from app.domain.webhooks.endpoints import (
    EVENT_TYPES,
    EndpointPage,
    SecretEndpoint,
    WebhookEndpoint,
    WebhookEvent,
)
from app.schemas.fields import Boolean, Choice, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.webhooks.fields import EventTypesField
from app.schemas.wire.answers import AlwaysTrue
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema, WireSchema

_HINT = "Part of the secret, enough to tell it from others."
_CHANGED = "When the endpoint or its secret was last changed, in Unix seconds."
_ID: dict[str, Any] = {"pattern": "whe_[0-9a-f]+", "hint": "must begin with whe_"}


class WebhookEndpointSchema(ValueSchema[WebhookEndpoint]):
    about = "A URL that events are sent to."
    values = (WebhookEndpoint,)

    id = String(**_ID, **ALWAYS)
    object = Choice("webhook_endpoint", **ALWAYS)
    name = String(about="A name for people to recognize it by.", **ALWAYS)
    url = String(**ALWAYS)
    event_types = EventTypesField(**ALWAYS)
    created_at = Integer(0, **ALWAYS)
    updated_at = Integer(0, about=_CHANGED, **ALWAYS)
    signing_secret_hint = String(about=_HINT, **ALWAYS)


class SecretEndpointSchema(ValueSchema[SecretEndpoint]):
    about = "A URL that events are sent to, with its secret, which is shown only once."
    values = (SecretEndpoint,)

    id = String(attribute="endpoint.id", **_ID, **ALWAYS)
    object = Choice("webhook_endpoint", **ALWAYS)
    name = String(
        attribute="endpoint.name", about="A name for people to recognize it by.", **ALWAYS
    )
    url = String(attribute="endpoint.url", **ALWAYS)
    event_types = EventTypesField(attribute="endpoint.event_types", **ALWAYS)
    created_at = Integer(0, attribute="endpoint.created_at", **ALWAYS)
    updated_at = Integer(0, attribute="endpoint.updated_at", about=_CHANGED, **ALWAYS)
    signing_secret_hint = String(attribute="endpoint.signing_secret_hint", about=_HINT, **ALWAYS)
    signing_secret = String(about="The secret with which receivers verify signatures.", **ALWAYS)


class WebhookEndpointListSchema(ValueSchema[EndpointPage]):
    about = "A page of endpoints, newest first."
    values = (EndpointPage,)

    object = Choice("list", **ALWAYS)
    data = ListOf(WebhookEndpointSchema(), attribute="endpoints", **ALWAYS)
    first_id = String(**OR_NULL)
    last_id = String(**OR_NULL)
    has_more = Boolean(**ALWAYS)


class DeletedWebhookSchema(ValueSchema[str]):
    about = "Confirmation of a deletion."
    values = (str,)

    id = String(itself=True, **ALWAYS)
    object = Choice("webhook_endpoint.deleted", **ALWAYS)
    deleted = AlwaysTrue(**ALWAYS)


class SampleResultSchema(WireSchema):
    about = "The answer of an endpoint to a sample event."

    object = Choice("webhook_endpoint.test", **ALWAYS)
    webhook_endpoint_id = String(about="The endpoint.", **ALWAYS)
    event_type = Choice(*EVENT_TYPES, **ALWAYS)
    success = Boolean(about="Always true: the endpoint has answered.", **ALWAYS)
    status_code = Integer(100, about="The HTTP status code of its answer.", **ALWAYS)


class WebhookEventTypesSchema(WireSchema):
    about = "The available types of events."

    object = Choice("list", **ALWAYS)
    data = EventTypesField(about="The types.", **ALWAYS)


class WebhookEventDataSchema(ValueSchema[WebhookEvent]):
    about = "The response that has ended."
    values = (WebhookEvent,)

    id = String(attribute="response_id", about="The response.", **ALWAYS)


class WebhookEventSchema(ValueSchema[WebhookEvent]):
    about = "A notification that a response has ended; retrieve it by its id."
    values = (WebhookEvent,)

    id = String(**ALWAYS)
    object = Choice("event", **ALWAYS)
    type = Choice(*EVENT_TYPES, **ALWAYS)
    created_at = Integer(0, **ALWAYS)
    data = Nested(
        WebhookEventDataSchema(),
        itself=True,
        about="The response that the event is about.",
        **ALWAYS,
    )


WEBHOOK_ENDPOINT, SECRET_ENDPOINT = WebhookEndpointSchema(), SecretEndpointSchema()
WEBHOOK_ENDPOINTS, DELETED_WEBHOOK = WebhookEndpointListSchema(), DeletedWebhookSchema()
WEBHOOK_EVENT = WebhookEventSchema()


def sample_result(endpoint_id: str, event_type: str, status: int) -> dict[str, Any]:
    """Return the JSON of an endpoint's reply to a sample event."""
    return {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": endpoint_id,
        "event_type": event_type,
        "success": True,
        "status_code": status,
    }


def event_types_list() -> dict[str, Any]:
    """Return the JSON of the list of event types."""
    return {"object": "list", "data": list(EVENT_TYPES)}


def event_body(event: WebhookEvent) -> bytes:
    """Return the HTTP body that delivers an event."""
    return orjson.dumps(WEBHOOK_EVENT.dump(event))
