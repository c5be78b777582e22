"""The request bodies of /v1/webhook_endpoints."""

from __future__ import annotations

from typing import Any

from app.domain.webhooks.endpoints import EVENT_TYPES
from app.schemas.document import Document
from app.schemas.fields import Boolean, Choice, String
from app.schemas.webhooks.fields import EventTypesField

_NAME: dict[str, Any] = {
    "shortest": 1,
    "longest": 256,
    "about": "A name for people to recognize it by.",
}
_URL: dict[str, Any] = {
    "shortest": 1,
    "longest": 2048,
    "about": "The https:// URL that events are sent to.",
}
_TYPES = "The types of events that are sent to the endpoint."


class CreateWebhookSchema(Document):
    about = "A new webhook endpoint."

    name = String(required=True, **_NAME)
    url = String(required=True, **_URL)
    event_types = EventTypesField(required=True, about=_TYPES)


class UpdateWebhookSchema(Document):
    about = "Changes to a webhook endpoint; fields that are left out stay unchanged."

    name = String(**_NAME)
    url = String(**_URL)
    event_types = EventTypesField(about=_TYPES)


class RotateSecretSchema(Document):
    about = "How a webhook endpoint's secret is replaced."

    keep_old_secret_active_for_24_hours = Boolean(
        about="Whether both secrets sign events for the next 24 hours.", default=False
    )


class SampleEventSchema(Document):
    about = "The sample event to send."

    event_type = Choice(*EVENT_TYPES, required=True)


CREATE_WEBHOOK, UPDATE_WEBHOOK = CreateWebhookSchema(), UpdateWebhookSchema()
ROTATE_SECRET, SAMPLE_EVENT = RotateSecretSchema(), SampleEventSchema()
