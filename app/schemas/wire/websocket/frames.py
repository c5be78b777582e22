"""Messages that only a WebSocket has: errors with their status, and failed steering.

Their form is that of the openai package's ResponseWsError and ResponseSteerFailedEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from app.errors import GatewayError
from app.schemas.wire.answers import ERROR_ENVELOPE

_NOT_STEERED = (
    "Steering is not offered here: cancel the response with response.cancel, or wait for its end, "
    "and send the input in the next response.create."
)


def error_line(error: GatewayError, stream_id: str | None, request_id: str) -> bytes:
    """Return the message for one of the gateway's own errors.

    `request_id` is the handshake's: no response has begun that would have its own.
    """
    envelope: dict[str, Any] = ERROR_ENVELOPE.dump(error)
    headers = {name.lower(): value for name, value in error.retry_headers.items()}
    headers["x-request-id"] = request_id
    return refusal_line(error.status, envelope["error"], headers, stream_id)


def refusal_line(
    status: int, error: Mapping[str, Any], headers: Mapping[str, str], stream_id: str | None
) -> bytes:
    """Return the message for an error whose object is HTTP's.

    Open Responses requires a code in it (WebSocketErrorEvent): without one the type is used.
    """
    payload = dict(error)
    if payload.get("code") is None:
        payload["code"] = payload["type"]
    if headers:
        payload["headers"] = dict(headers)
    frame = {"type": "error", "status": status, "error": payload}
    if stream_id is not None:
        frame["stream_id"] = stream_id
    return orjson.dumps(frame)


def steer_failed_line(steer: Mapping[str, Any]) -> bytes:
    """Return the message that refuses steering; it returns the caller's input."""
    error = {
        "code": "steering_not_supported",
        "message": _NOT_STEERED,
        "type": "invalid_request_error",
    }
    frame = {
        "type": "response.steer.failed",
        "sequence_number": 0,
        "error": error,
        "steer": dict(steer),
    }
    return orjson.dumps(frame)
