"""Converts exceptions into the error envelope. Nothing else writes it."""

from __future__ import annotations

from urllib.parse import quote

import orjson
from flask import Flask, current_app
from werkzeug.exceptions import HTTPException

from app.api import context
from app.api.http.response import WSGIResponse
from app.descriptors import is_shortage
from app.domain.accounts.limits import LimitReached
from app.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RequestTooLarge,
)
from app.schemas.request.body import MAX_BODY_BYTES
from app.schemas.wire.answers import ERROR_ENVELOPE
from app.telemetry import shortage_noted, unexpected

_MEBIBYTE = 1024 * 1024
_LONGEST_PATH, _LONGEST_METHOD = 100, 20
_AS_IT_IS = "/:@~+,;="
#: The remedy for a base_url that ends in "/responses", copied from a curl command.
_TOO_LONG_BASE = "a client's base_url must end in /v1, without /responses."
#: Pages for people, by their blueprint, which the operator may have turned off.
_PAGES = {"site": "the documentation at /docs", "console": "the console at /console"}
#: Paths of other APIs that clients often try, and the remedy for each.
_OTHER_APIS = (
    ("/v1/v1/", "a client's base_url must end in one /v1."),
    ("/v1/responses/chat/", _TOO_LONG_BASE),
    ("/v1/responses/v1/", _TOO_LONG_BASE),
    (
        "/v1/chat/",
        "this gateway speaks the Responses API: POST /v1/responses, with 'messages' as 'input' "
        "(client.responses.create).",
    ),
    ("/v1/completions", "send POST /v1/responses, with 'prompt' as 'input'."),
    ("/v1/complete", "send POST /v1/responses, with 'prompt' as 'input'."),
    (
        "/v1/messages",
        "this gateway speaks OpenAI's Responses API: POST /v1/responses, with 'messages' as "
        "'input' and 'system' as 'instructions'.",
    ),
    ("/v1/embeddings", "there are no embeddings here, only answers at POST /v1/responses."),
    ("/v1/assistants", "conversations are at /v1/conversations, answers at POST /v1/responses."),
    ("/v1/threads", "conversations are at /v1/conversations, answers at POST /v1/responses."),
    ("/v1/files", "no files are kept here: send them in 'input', as 'file_data' or 'file_url'."),
)


def register(app: Flask) -> None:
    """Answer every error of this app with the envelope."""
    app.register_error_handler(GatewayError, gateway_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, bug)


def gateway_error(error: GatewayError) -> WSGIResponse:
    """Return the response for one of the gateway's own errors."""
    current = context.current()
    current.trace.error_code = error.code or error.type
    if isinstance(error, LimitReached):
        current.standing = error.standing
    response = WSGIResponse(
        orjson.dumps(ERROR_ENVELOPE.dump(error)), error.status, content_type="application/json"
    )
    response.headers.update(error.retry_headers)
    return response


def http_error(error: HTTPException) -> WSGIResponse:
    """Return the response for a request that Flask itself refused."""
    match error.code:
        case 404:
            translated: GatewayError = path_not_found()
        case 405:
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            message = f"Method not allowed: this path takes {allowed}."
            if _path() == "/v1/responses/responses":
                message = f"Method not allowed: {_TOO_LONG_BASE}"
            translated = MethodNotAllowed(message)
            response = gateway_error(translated)
            response.headers["Allow"] = allowed
            return response
        case 413:
            limit = MAX_BODY_BYTES // _MEBIBYTE
            translated = RequestTooLarge(f"The body is larger than {limit} MiB: send less.")
        case _:
            translated = InvalidRequest("The request could not be read as HTTP.")
    return gateway_error(translated)


def path_not_found() -> NotFound:
    """Return the error for an unknown path: it names the path and a remedy (E11)."""
    path = _path()
    encoded = quote(path, safe=_AS_IT_IS)[:_LONGEST_PATH]
    if "//" in path:
        remedy = "leave one '/' out: a client's base_url must end in /v1, with no '/' behind it."
    elif path != "/v1" and not path.startswith("/v1/"):
        remedy = "the API's paths begin with /v1: a client's base_url must end in /v1."
        if path == "/":
            remedy += _pages()
    else:
        found = (each for prefix, each in _OTHER_APIS if path.startswith(prefix))
        remedy = next(found, "GET /openapi.json lists all endpoints.")
    method = context.request().method[:_LONGEST_METHOD]
    return NotFound(f"{method} {encoded} not found: {remedy}")


def _pages() -> str:
    """Return a sentence naming the pages for browsers, "" if there are none here."""
    current = context.current()
    if current.services.is_for_platform(current.environ):
        return ""
    pages = " and ".join(page for name, page in _PAGES.items() if name in current_app.blueprints)
    return f" People find {pages}." if pages else ""


def _path() -> str:
    path: str = context.request().environ["PATH_INFO"]
    return path.encode("latin-1").decode(errors="replace")


def bug(error: Exception) -> WSGIResponse:
    """Return the response for an unexpected exception, without internal details."""
    if is_shortage(error):
        shortage_noted()
        return gateway_error(Overloaded())
    unexpected(error, context.trace().request_id)
    return gateway_error(
        GatewayError("Internal error. The gateway's log has the details under the request id.")
    )
