"""The operations of /v1/webhook_endpoints (N4)."""

from __future__ import annotations

from app.schemas.docs.elements import JSON, KEYED, Json, answer, page_parameters, path_parameter
from app.schemas.docs.errors import errors
from app.schemas.webhooks.request import (
    CreateWebhookSchema,
    RotateSecretSchema,
    SampleEventSchema,
    UpdateWebhookSchema,
)
from app.schemas.webhooks.wire import (
    DeletedWebhookSchema,
    SampleResultSchema,
    SecretEndpointSchema,
    WebhookEndpointListSchema,
    WebhookEndpointSchema,
    WebhookEventTypesSchema,
)

_ENDPOINTS = "/v1/webhook_endpoints"
_ONE = f"{_ENDPOINTS}/{{webhook_endpoint_id}}"
_ANY = {"type": "string", "pattern": ".+"}
_ID = path_parameter("webhook_endpoint_id", _ANY, "The endpoint's id.")


def webhook_operations() -> dict[str, dict[str, Json]]:
    """Return every operation on webhook endpoints."""
    one = answer("The endpoint.", WebhookEndpointSchema())
    with_secret = answer("The endpoint with its secret.", SecretEndpointSchema())
    page = answer("A page of endpoints, newest first.", WebhookEndpointListSchema())
    deleted = answer("Confirms the deletion.", DeletedWebhookSchema())
    answered = answer("The endpoint's answer.", SampleResultSchema())
    types = answer("The types.", WebhookEventTypesSchema())
    listed = [each for each in page_parameters() if each["name"] in ("limit", "after")]
    return {
        _ENDPOINTS: {
            "post": _sent(CreateWebhookSchema())
            | _operation("createWebhookEndpoint", "Create a webhook endpoint.", with_secret),
            "get": _operation("listWebhookEndpoints", "List webhook endpoints.", page, *listed),
        },
        _ONE: {
            "get": _operation("retrieveWebhookEndpoint", "Retrieve an endpoint.", one, _ID),
            "post": _sent(UpdateWebhookSchema())
            | _operation("updateWebhookEndpoint", "Change an endpoint.", one, _ID),
            "delete": _operation(
                "deleteWebhookEndpoint",
                "Delete an endpoint and its pending deliveries.",
                deleted,
                _ID,
            ),
        },
        f"{_ONE}/rotate_secret": {
            "post": _sent(RotateSecretSchema(), required=False)
            | _operation(
                "rotateWebhookSecret", "Rotate an endpoint's signing secret.", with_secret, _ID
            ),
        },
        f"{_ONE}/test": {
            "post": _sent(SampleEventSchema())
            | _operation(
                "testWebhookEndpoint", "Send a sample event to an endpoint.", answered, _ID
            ),
        },
        "/v1/webhook_event_types": {
            "get": _operation("listWebhookEventTypes", "List the types of events.", types),
        },
    }


def _operation(operation_id: str, summary: str, success: Json, *parameters: Json) -> Json:
    return {
        "operationId": operation_id,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {"200": success} | errors(400, 404, 408, 413, 415, *KEYED),
    }


def _sent(schema: object, *, required: bool = True) -> Json:
    return {"requestBody": {"required": required, "content": {JSON: {"schema": schema}}}}
