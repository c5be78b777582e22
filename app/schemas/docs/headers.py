"""The headers of responses, by component name."""

from __future__ import annotations

from typing import Any

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "Names the request in the log: the caller's own, if it sent a sound one.",
        "schema": _TEXT,
    },
    "openai-processing-ms": {
        "description": "Milliseconds until the answer's head was there, as OpenAI tells them.",
        "schema": _WHOLE,
    },
    "X-Ignored-Parameters": {
        "description": "What was sent and not acted on: paths, percent-encoded, comma-separated.",
        "schema": _TEXT,
    },
    "X-Estimated": {
        "description": "What of the answer is an estimate: `input_tokens`.",
        "schema": _TEXT,
    },
    "Idempotent-Replayed": {
        "description": "The answer is that of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "X-Gateway-Provider": {"description": "The provider that answered.", "schema": _TEXT},
    "X-Gateway-Attempts": {
        "description": "How many attempts were made at providers.",
        "schema": _WHOLE,
    },
    "Server-Timing": {
        "description": "Milliseconds spent by the gateway and by the upstream.",
        "schema": _TEXT,
    },
    "Retry-After": {"description": "Seconds until another try makes sense.", "schema": _WHOLE},
    "x-should-retry": {
        "description": "false where a retry would pay for the same work again.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "Location": {"description": "Where a background response can be polled.", "schema": _TEXT},
    "Allow": {"description": "The methods that the path takes.", "schema": _TEXT},
    "x-ratelimit-limit-requests": {"description": "Requests a minute.", "schema": _WHOLE},
    "x-ratelimit-remaining-requests": {"description": "Requests left.", "schema": _WHOLE},
    "x-ratelimit-reset-requests": {"description": "Time until they are back.", "schema": _TEXT},
    "x-ratelimit-limit-tokens": {"description": "Tokens a minute.", "schema": _WHOLE},
    "x-ratelimit-remaining-tokens": {"description": "Tokens left.", "schema": _WHOLE},
    "x-ratelimit-reset-tokens": {"description": "Time until they are back.", "schema": _TEXT},
    "X-Budget-Remaining": {
        "description": "US dollars left of the tightest budget, with six decimals.",
        "schema": _TEXT,
    },
    "X-Budget-Warning": {
        "description": "How much of a budget is spent, in percent, from 80 on.",
        "schema": _WHOLE,
    },
}
_LIMITS = ("x-ratelimit-", "X-Budget-")
LIMITS = tuple(name for name in HEADERS if name.startswith(_LIMITS))
#: The header of every response that is not an error.
DONE = "openai-processing-ms"
ANSWERED = (
    "X-Ignored-Parameters",
    "X-Gateway-Provider",
    "X-Gateway-Attempts",
    "Server-Timing",
    DONE,
)
QUEUED = ("X-Ignored-Parameters", "Location", "Retry-After", DONE)
_ALWAYS = ("X-Request-ID",)


def headers(*names: str) -> dict[str, Any]:
    """Return references to these headers and to those of every response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_ALWAYS, *names)}
