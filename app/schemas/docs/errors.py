"""The error responses of the API, with examples made from GatewayError instances."""

from __future__ import annotations

from typing import Any

from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    IdempotencyKeyReused,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    RequestTooLarge,
    StorageUnavailable,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UpstreamMisbehaved,
    UpstreamTimeout,
    UpstreamUnavailable,
    WebSocketNotOffered,
)
from app.schemas.docs.headers import LIMITS, headers
from app.schemas.wire.answers import ERROR_ENVELOPE

_EXAMPLES: tuple[GatewayError, ...] = (
    InvalidRequest(
        "'model' is required: it is absent or null.",
        param="model",
        code="missing_required_parameter",
    ),
    InvalidRequest(
        '\'input[0].content[0].type\' must be "input_text" …, not "output_text".',
        param="input[0].content[0].type",
        code="invalid_value",
    ),
    InvalidRequest(
        "'max_output_tokens' must be at least 16, not 10.",
        param="max_output_tokens",
        code="integer_below_min_value",
    ),
    InvalidRequest(
        "'input' has 400000 elements: send at most 20000.",
        param="input",
        code="array_above_max_length",
    ),
    InvalidRequest("The body is not JSON.", code="invalid_json"),
    InvalidRequest(
        "The previous response was not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    ),
    ContextLengthExceeded("The conversation is longer than the model can read."),
    Unauthenticated(
        "The API key is unknown, expired or deactivated: keys of this gateway begin with "
        "'sk-rg-', and its operator makes them.",
        code="invalid_api_key",
    ),
    PermissionDenied("This key may not use that model.", param="model", code="model_not_allowed"),
    NotFound("Response not found.", param="response_id", code="response_not_found"),
    NotFound("Item not found.", param="input[0].id", code="item_not_found"),
    NotFound(
        "Webhook endpoint not found.",
        param="webhook_endpoint_id",
        code="webhook_endpoint_not_found",
    ),
    NotFound("Model not found.", param="model", code="model_not_found"),
    MethodNotAllowed("The method is not allowed for this path."),
    RequestTimeout("The body did not arrive in time.", code="request_timeout"),
    RequestTooLarge("The body is larger than 32 MiB: send less."),
    UnsupportedMediaType("The body must be JSON."),
    IdempotencyKeyReused("This Idempotency-Key came with another body before: use a new key."),
    WebSocketNotOffered("There is no WebSocket here: send the request by POST /v1/responses."),
    RateLimited("Too many requests: try again in 12 seconds."),
    GatewayError("Internal error. The gateway's log has the details under the request id."),
    UpstreamMisbehaved("The model's provider sent an invalid answer."),
    Unavailable("The gateway is busy: try again in a moment.", code="overloaded"),
    StorageUnavailable("Redis is unreachable."),
    UpstreamUnavailable("The model's provider cannot be reached."),
    UpstreamTimeout("The model's provider did not answer in time."),
)
_MEANINGS = {
    400: "The request is invalid; `param` names the field.",
    401: "The API key is missing or invalid.",
    403: "The API key lacks the permission.",
    404: "Not found, or not accessible to this caller.",
    405: "The method is not allowed for this path.",
    408: "The body did not arrive in time.",
    413: "The body is too large, or would become too large.",
    415: "The body is not JSON, or its encoding is not supported.",
    422: "The Idempotency-Key was used with another body before.",
    426: "This path offers no WebSocket: send the request by POST.",
    429: "A rate limit or budget is exceeded.",
    500: "The gateway or an upstream failed.",
    503: "Temporarily unavailable: an upstream or Redis is unreachable, or the gateway is busy.",
}
_BESIDE: dict[int, tuple[str, ...]] = {
    405: ("Allow",),
    429: ("Retry-After", "x-should-retry", *LIMITS),
    500: ("x-should-retry",),
    503: ("Retry-After", "x-should-retry"),
}


def error_responses() -> dict[str, dict[str, Any]]:
    """Return the response components by name, such as Error400."""
    return {component(status): _response(status) for status in _MEANINGS}


def errors(*statuses: int) -> dict[str, Any]:
    """Return references to an operation's error responses."""
    return {
        str(status): {"$ref": f"#/components/responses/{component(status)}"} for status in statuses
    }


def component(status: int) -> str:
    """Return the component name of an error status."""
    return f"Error{status}"


def _response(status: int) -> dict[str, Any]:
    examples = {
        f"{error.code or error.type}": {"value": ERROR_ENVELOPE.dump(error)}
        for error in _EXAMPLES
        if error.status == status
    }
    return {
        "description": _MEANINGS[status],
        "headers": headers(*_BESIDE.get(status, ())),
        "content": {"application/json": {"schema": ERROR_ENVELOPE, "examples": examples}},
    }
