"""Translate upstreams' error responses into the gateway's errors (U1 to U5). Pure.

Every server has its own form of errors: `error_body` reads them, and this module maps them to the
gateway's errors, for all wire formats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    ReasoningRefused,
    UpstreamMisaddressed,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.logs.redaction import redact
from app.providers.faults.error_body import ErrorBody, read_body, read_error
from app.providers.faults.overflow import excess_tokens, is_overflow
from app.providers.faults.refusals import (
    is_about_content,
    is_about_credential,
    is_about_credit,
    is_about_model,
    is_about_rate,
    is_about_reasoning,
)
from app.providers.wire.dial import REFUSED_LOGIN

#: Maximum delay before a retry that an upstream may demand, in seconds: a day.
MAX_WAIT_S = 86_400

#: HTTP statuses for error types and codes, for errors that come without one.
_STATUS_OF = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    # The request's content is refused: OpenAI's, Azure's, DashScope's
    "content_policy_violation": 400,
    "content_filter": 400,
    "cyber_policy": 400,
    "misalignment_policy_violation": 400,
    "data_inspection_failed": 400,
    "timeout_error": 504,
    "overloaded_error": 529,
    # Google's, of google.rpc.Code
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    # Text Generation Inference's
    "validation": 400,
    "overloaded": 529,
    # DashScope's
    "InvalidParameter": 400,
    "InvalidApiKey": 401,
    "Throttling": 429,
    # Bedrock's
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ThrottlingException": 429,
    "ServiceUnavailableException": 503,
    "ModelTimeoutException": 504,
}

#: A server's name of a parameter -> ours, if they differ.
_PARAMS = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_new_tokens": "max_output_tokens",
    "messages": "input",
    "prompt": "input",
    "system": "instructions",
    "response_format": "text.format",
    "output_config": "text.format",
    "reasoning_effort": "reasoning.effort",
    "thinking": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
}


def fault_of_status(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    *,
    secret: str | None = None,
    now: datetime | None = None,
) -> GatewayError:
    """Return the gateway's error for a response whose status is not a success.

    `headers` has lower-case names, or ignores case. `secret` is the credential that was sent: it
    is always redacted, even if it looks like a word. `now` is the time from which a Retry-After
    date is counted.
    """
    error = read_body(body, secret)
    if 300 <= status < 400:
        return _redirected(status, headers.get("location"), provider, secret)
    wait_s = retry_after_s(headers, now or datetime.now(UTC)) or _whole_s(error.wait_s)
    return _error_for(status, error, provider, wait_s)


def fault_in_answer(error: object, provider: str, *, secret: str | None = None) -> GatewayError:
    """Return the gateway's error for an `error` in a response of status 200, or in a stream."""
    body = read_error(error, secret)
    status = body.status or _STATUS_OF.get(body.code) or _STATUS_OF.get(body.type) or 500
    return _error_for(status, body, provider, _whole_s(body.wait_s))


def retry_after_s(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the upstream's delay before a retry in whole seconds, None if it gives none.

    It is at least 1 and at most MAX_WAIT_S.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return _whole_s(milliseconds / 1000)
    stated = headers.get("retry-after")
    if (seconds := _number(stated)) is not None:
        return _whole_s(seconds)
    try:
        until = parsedate_to_datetime(stated or "")
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return _whole_s((until - now).total_seconds())


def _whole_s(seconds: float | None) -> int | None:
    return None if seconds is None else min(MAX_WAIT_S, max(1, math.ceil(seconds)))


#: Maximum length of a redirect's address that is read, in characters.
_MAX_LOCATION = 2000


def _redirected(
    status: int, location: str | None, provider: str, secret: str | None
) -> GatewayError:
    """Return the error for a redirect, without credentials in the new address."""
    where = urlsplit(location or "")
    to = f"{where.scheme}://{where.hostname}{where.path}" if where.hostname else where.path
    to = redact(to[:_MAX_LOCATION], secret)
    return UpstreamMisaddressed(
        f"provider {provider!r} redirects ({status})"
        + (f" to {to[:200]!r}: is its base_url right?" if to else ": is its base_url right?")
    )


def _error_for(status: int, error: ErrorBody, provider: str, wait_s: int | None) -> GatewayError:
    who = f"provider {provider!r}"
    if status in (400, 422, 429) and is_about_reasoning(error):  # relays use 429 for it, too
        return ReasoningRefused(error.message, param="input")
    # A 402 that says when to come again is none of the account's: OpenRouter's running requests
    # fill its budget for them (openrouter.ai/docs, "In-flight spending budget").
    is_full = status == 402 and wait_s is not None
    if status == 429 or is_full or (status in (400, 413) and is_about_rate(error)):
        return _rate_limited(error, who, wait_s)
    if status in (400, 404, 413, 422, 424, 500) and is_overflow(
        error.message, error.code, error.type
    ):
        excess = error.excess_tokens or excess_tokens(error.message)
        return ContextLengthExceeded(
            error.message or "the input is longer than the model's context", excess_tokens=excess
        )
    if status == 407:  # of a proxy on the way to an http:// address
        return UpstreamMisbehaved(f"{who} could not be reached: {REFUSED_LOGIN}")
    # A 404 may repeat the requested model, a name that a caller made up, without quotation marks.
    if status == 402 or (status not in (404, 410) and is_about_credit(error)):
        why = f": {error.message}" if error.message else ""
        return UpstreamRefused(f"the account at {who} has no credit ({status}){why}", refusal=402)
    if status == 403 and is_about_content(error):
        # The server's own message may name the operator's account.
        why = f"{who} refused the content of the request ({status}): its rules do not allow it"
        return InvalidRequest(why, param="input", code="content_policy_violation")
    if status in (401, 403) or (status == 400 and is_about_credential(error)):
        why = f"{who} refused the gateway's credential ({status})"
        return UpstreamRefused(why, refusal=403 if status == 403 else 401)
    if status == 500 and _UNREAD.search(error.message):  # llama.cpp's status for it
        return InvalidRequest(error.message, param="input", code="unsupported_value")
    if status in (400, 404, 410, 413, 422):
        return _callers_fault(status, error, who)
    return _servers_fault(status, who, wait_s)


def _servers_fault(status: int, who: str, wait_s: int | None) -> GatewayError:
    if status in (504, 524):
        return UpstreamTimeout(f"{who} timed out ({status})", retry_after_s=wait_s)
    if status in (408, 409, 425, _NO_CAPACITY, _CANCELLED) or status >= 500:
        return UpstreamUnavailable(f"{who} is unavailable ({status})", retry_after_s=wait_s)
    if 400 <= status < 500:  # such as a 406, by which a firewall refuses a caller's text
        return UpstreamMisaddressed(f"{who} does not take the request ({status})")
    return UpstreamMisbehaved(f"{who} answered with status {status}")


def _rate_limited(error: ErrorBody, who: str, wait_s: int | None) -> GatewayError:
    is_used_up = error.code == "insufficient_quota" or is_about_credit(error)
    code = "insufficient_quota" if is_used_up else None
    what = f"{who} is rate limited: {error.message}" if error.message else f"{who} is rate limited"
    return UpstreamRateLimited(what, retry_after_s=wait_s, code=code)


def _callers_fault(status: int, error: ErrorBody, who: str) -> GatewayError:
    """Return the error for a request that the upstream rejects.

    A 404 or 410 that is not about a model means that the address is wrong, which the operator has
    to correct.
    """
    message = error.message or f"{who} refused the request ({status})"
    if is_about_model(status, error):
        return NotFound(message, param="model", code="model_not_found")
    # OpenAI's 404 for a missing item or file names the field: it is about the request.
    if status in (404, 410) and error.param is None:
        return UpstreamMisaddressed(
            f"{who} has nothing at the address where it is called ({status}): is its base_url "
            "right?"
        )
    code = error.code if _CODE.fullmatch(error.code) else None
    return InvalidRequest(message, param=_param(error.param), code=code)


def _param(theirs: str | None) -> str | None:
    if theirs is None:
        return None
    name = re.split(r"[.\[]", theirs, maxsplit=1)[0]
    if name in _PARAMS:
        return _PARAMS[name]
    return theirs if _PATH.fullmatch(theirs) else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_UNREAD = re.compile(r"\b(image|audio|video|file) input is not supported\b", re.IGNORECASE)
_CODE = re.compile(r"[a-z][a-z0-9_]{1,63}", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9_.\[\]-]{1,128}", re.ASCII)
#: Groq's status for no capacity in the requested tier.
_NO_CAPACITY = 498
#: A call that an intermediary cancelled, not the gateway (google.rpc.Code, CANCELLED).
_CANCELLED = 499
