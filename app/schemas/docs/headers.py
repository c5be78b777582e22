"""The headers of responses, by component name."""

from __future__ import annotations

from typing import Any

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The request's id in the log; the one that the caller sent, if it is valid.",
        "schema": _TEXT,
    },
    "openai-processing-ms": {
        "description": "Milliseconds until the response headers were ready, as in OpenAI's API.",
        "schema": _WHOLE,
    },
    "X-Ignored-Parameters": {
        "description": "The parameters that had no effect: percent-encoded paths, separated by "
        "commas.",
        "schema": _TEXT,
    },
    "X-Estimated": {
        "description": "The field of the response that is an estimate: `input_tokens`.",
        "schema": _TEXT,
    },
    "Idempotent-Replayed": {
        "description": "The response is that of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "X-Gateway-Provider": {"description": "The provider that answered.", "schema": _TEXT},
    "X-Gateway-Attempts": {
        "description": "The number of attempts at calling a provider.",
        "schema": _WHOLE,
    },
    "Server-Timing": {
        "description": "Milliseconds spent by the gateway and by the upstream.",
        "schema": _TEXT,
    },
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": _WHOLE},
    "x-should-retry": {
        "description": "false if a retry would pay for the same work again, or fail again.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "Location": {
        "description": "The path at which a background response can be polled.",
        "schema": _TEXT,
    },
    "Allow": {"description": "The methods that the path supports.", "schema": _TEXT},
    "x-ratelimit-limit-requests": {
        "description": "The limit of requests per minute.",
        "schema": _WHOLE,
    },
    "x-ratelimit-remaining-requests": {
        "description": "The number of requests left.",
        "schema": _WHOLE,
    },
    "x-ratelimit-reset-requests": {
        "description": "Time until the limit is fully available again.",
        "schema": _TEXT,
    },
    "x-ratelimit-limit-tokens": {
        "description": "The limit of tokens per minute.",
        "schema": _WHOLE,
    },
    "x-ratelimit-remaining-tokens": {"description": "The number of tokens left.", "schema": _WHOLE},
    "x-ratelimit-reset-tokens": {
        "description": "Time until the limit is fully available again.",
        "schema": _TEXT,
    },
    "X-Budget-Remaining": {
        "description": "The US dollars left of the budget with the least left, with six decimals.",
        "schema": _TEXT,
    },
    "X-Budget-Warning": {
        "description": "The percentage of a budget that is spent; sent from 80 percent on.",
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
