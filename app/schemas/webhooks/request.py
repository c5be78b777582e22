"""The request bodies of /v1/webhook_endpoints."""

from __future__ import annotations

from typing import Any

from app.domain.webhooks.endpoints import EVENT_TYPES
from app.schemas.document import Document
from app.schemas.fields import Boolean, Choice, String
from app.schemas.webhooks.fields import EventTypesField

_NAME: dict[str, Any] = {"shortest": 1, "longest": 256, "about": "For people."}
_URL: dict[str, Any] = {
    "shortest": 1,
    "longest": 2048,
    "about": "The https:// URL that events are sent to.",
}
_TYPES = "The types of events that are sent there."


class CreateWebhookSchema(Document):
    about = "A new webhook endpoint."

    name = String(required=True, **_NAME)
    url = String(required=True, **_URL)
    event_types = EventTypesField(required=True, about=_TYPES)


class UpdateWebhookSchema(Document):
    about = "What is to change of a webhook endpoint; what is left out stays."

    name = String(**_NAME)
    url = String(**_URL)
    event_types = EventTypesField(about=_TYPES)


class RotateSecretSchema(Document):
    about = "How a webhook endpoint's secret is replaced."

    keep_old_secret_active_for_24_hours = Boolean(
        about="Both secrets sign for so long.", default=False
    )


class SampleEventSchema(Document):
    about = "Which sample event is sent."

    event_type = Choice(*EVENT_TYPES, required=True)


CREATE_WEBHOOK, UPDATE_WEBHOOK = CreateWebhookSchema(), UpdateWebhookSchema()
ROTATE_SECRET, SAMPLE_EVENT = RotateSecretSchema(), SampleEventSchema()
