"""What an upstream's refusal means to our caller (U1 to U5). Pure.

Every server words its errors in its own way: OpenAI's envelope, Anthropic's, llama.cpp's integer
codes, vLLM's flat object, a lone string, plain text, a proxy's HTML page. What can be read of
them is read here, once, for all three wire formats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.logs.redaction import redact
from app.providers.faults.overflow import excess_tokens, is_overflow

#: How much of a message is read, and how much of it is told.
MAX_READ = 8000
MAX_MESSAGE = 2000

#: What the names of error types and codes amount to, where no HTTP status says it.
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
    "timeout_error": 504,
    "overloaded_error": 529,
}

#: Their parameter -> ours, where the names differ.
_PARAMS = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_new_tokens": "max_output_tokens",
    "messages": "input",
    "system": "instructions",
    "response_format": "text.format",
    "output_config": "text.format",
    "reasoning_effort": "reasoning.effort",
    "thinking": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
}


@dataclass(frozen=True, slots=True)
class _Told:
    """What an error's body says."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    number: int | None = None
    excess_tokens: int | None = None


def fault(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    *,
    secret: str | None = None,
    now: datetime | None = None,
) -> GatewayError:
    """Return our error for an answer whose status is no success.

    `headers` has lower-case names, or ignores case. `secret` is the credential that was sent: it
    never shows, not even where it looks like a word. `now` is the time that a Retry-After date
    counts from.
    """
    told = _read(body, secret)
    wait_s = retry_after_s(headers, now or datetime.now(UTC))
    return _judge(status, told, provider, wait_s)


def fault_in_answer(error: object, provider: str, *, secret: str | None = None) -> GatewayError:
    """Return our error for an `error` inside an answer that began well, or inside a stream."""
    told = _told(error, secret)
    status = told.number or _STATUS_OF.get(told.code) or _STATUS_OF.get(told.type) or 500
    return _judge(status, told, provider, None)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return how many whole seconds the upstream wants us to wait, at least 1; None if unsaid."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return max(1, math.ceil(milliseconds / 1000))
    stated = headers.get("retry-after")
    if (seconds := _number(stated)) is not None:
        return max(1, math.ceil(seconds))
    try:
        until = parsedate_to_datetime(stated or "")
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(1, math.ceil((until - now).total_seconds()))


def _judge(status: int, told: _Told, provider: str, wait_s: int | None) -> GatewayError:
    who = f"provider {provider!r}"
    if status in (400, 404, 413, 422, 500) and is_overflow(told.message, told.code, told.type):
        excess = told.excess_tokens or excess_tokens(told.message)
        return ContextLengthExceeded(
            told.message or "the input is longer than the model's context", excess_tokens=excess
        )
    if status in (401, 402, 403) or _BILLING.search(told.message):
        return UpstreamMisbehaved(f"{who} refused the gateway's credential ({status})")
    if status == 429:
        code = told.code if told.code == "insufficient_quota" else None
        what = (
            f"{who} is rate limited: {told.message}" if told.message else f"{who} is rate limited"
        )
        return UpstreamRateLimited(what, retry_after_s=wait_s, code=code)
    if status == 500 and _UNREAD.search(told.message):  # llama.cpp's word for it
        return InvalidRequest(told.message, param="input", code="unsupported_value")
    if status in (400, 404, 413, 422):
        return _callers_fault(status, told, who)
    if status in (504, 524):
        return UpstreamTimeout(f"{who} timed out ({status})", retry_after_s=wait_s)
    if status in (408, 409, 425) or status >= 500:
        return UpstreamUnavailable(f"{who} is unavailable ({status})", retry_after_s=wait_s)
    return UpstreamMisbehaved(f"{who} answered with status {status}")


def _callers_fault(status: int, told: _Told, who: str) -> GatewayError:
    message = told.message or f"{who} refused the request ({status})"
    unknown = told.code == "model_not_found" or told.type == "model_not_found"
    if unknown or (status == 404 and _MODEL.search(told.message)):
        return NotFound(message, param="model", code="model_not_found")
    code = told.code if _CODE.fullmatch(told.code) else None
    return InvalidRequest(message, param=_param(told.param), code=code)


def _param(theirs: str | None) -> str | None:
    if theirs is None:
        return None
    name = re.split(r"[.\[]", theirs, maxsplit=1)[0]
    if name in _PARAMS:
        return _PARAMS[name]
    return theirs if _PATH.fullmatch(theirs) else None


def _read(body: bytes, secret: str | None) -> _Told:
    try:
        content = orjson.loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace").strip()
        return _Told() if _HTML.match(text) else _Told(_message(text, secret))
    if isinstance(content, dict) and not content.get("error"):
        return _told(content, secret)
    return _told(content["error"] if isinstance(content, dict) else content, secret)


def _told(error: object, secret: str | None) -> _Told:
    if isinstance(error, str):
        return _Told(_message(error, secret))
    if not isinstance(error, dict):
        return _Told()
    number = error.get("code", error.get("status"))
    status = number if isinstance(number, int) and 400 <= number < 600 else None
    if isinstance(number, str) and re.fullmatch("[45][0-9][0-9]", number):
        status = int(number)
    said = _first_text(error, ("message", "detail", "msg", "error_message"))
    return _Told(
        message=_message(said, secret),
        type=_text(error.get("type")),
        code="" if status else _text(error.get("code")),
        param=_text(error.get("param")) or None,
        number=status,
        excess_tokens=_stated_excess(error),
    )


def _stated_excess(error: Mapping[str, Any]) -> int | None:
    """llama.cpp says how long the prompt was, and how long it may be."""
    has, limit = error.get("n_prompt_tokens"), error.get("n_ctx")
    if isinstance(has, int) and isinstance(limit, int) and has > limit:
        return has - limit
    return None


def _first_text(error: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = error.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return _text(value[0].get("msg"))  # FastAPI's list of complaints
    return ""


def _message(text: str, secret: str | None) -> str:
    return redact(text[:MAX_READ], secret)[:MAX_MESSAGE]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_HTML = re.compile(r"\s*<(!doctype|html|head|body|\?xml)", re.IGNORECASE)
_UNREAD = re.compile(r"\b(image|audio|video|file) input is not supported\b", re.IGNORECASE)
_MODEL = re.compile(r"\bmodels?\b", re.IGNORECASE)
_CODE = re.compile(r"[a-z][a-z0-9_]{1,63}", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9_.\[\]-]{1,128}", re.ASCII)
_BILLING = re.compile(r"credit balance is too low|billing hard limit", re.IGNORECASE)
