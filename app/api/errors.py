"""Exceptions -> the one error envelope. The only place where it is spelled."""

from __future__ import annotations

import orjson
from flask import Flask
from werkzeug.exceptions import HTTPException

from app.api import current
from app.api.lean import Answer
from app.domain.limits import LimitReached
from app.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    Unavailable,
)
from app.schemas.bodies import MAX_BODY_BYTES
from app.schemas.told.answers import error_json
from app.telemetry import unexpected

_MEBIBYTE = 1024 * 1024


def register(app: Flask) -> None:
    """Have every error of this app leave in the envelope."""
    app.register_error_handler(GatewayError, gateway_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, bug)


def gateway_error(error: GatewayError) -> Answer:
    """Answer with an error of ours."""
    held = current.held()
    held.trace.error_code = error.code or error.type
    if isinstance(error, LimitReached):
        held.standing = error.standing
    response = Answer(
        orjson.dumps(error_json(error)), error.status, content_type="application/json"
    )
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, error.retry_after_s))
    elif isinstance(error, Unavailable):
        response.headers["Retry-After"] = "1"
    if error.work_done:
        response.headers["x-should-retry"] = "false"
    return response


def http_error(error: HTTPException) -> Answer:
    """Answer what Flask itself refused."""
    match error.code:
        case 404:
            translated: GatewayError = NotFound("There is nothing at this path.")
        case 405:
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            translated = MethodNotAllowed(f"This path takes {allowed} only.")
            response = gateway_error(translated)
            response.headers["Allow"] = allowed
            return response
        case 413:
            limit = MAX_BODY_BYTES // _MEBIBYTE
            translated = RequestTooLarge(f"The body is larger than {limit} MiB: send less.")
        case _:
            translated = InvalidRequest("The request could not be read as HTTP.")
    return gateway_error(translated)


def bug(error: Exception) -> Answer:
    """Answer a fault of our own, saying nothing of its inside."""
    unexpected(error, current.trace().request_id)
    return gateway_error(GatewayError("The gateway failed. The request id names it in the log."))
