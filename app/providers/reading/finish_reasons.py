"""Why a model stopped, by any name that a server has for it: one table (U17). Pure."""

from __future__ import annotations

from typing import Literal

from app.errors import UpstreamUnavailable

Reason = Literal["stop", "length", "content_filter"]

_CUT = (
    "length",
    "max_tokens",
    "max_output_tokens",
    "model_length",
    "model_context_window_exceeded",
    "context_length",
    "context_length_exceeded",
)
_WITHHELD = (
    "content_filter",
    "content-filter",
    "safety",
    "sensitive",
    "recitation",
    "prohibited_content",
    "blocklist",
    "spii",
    "guardrail",
    "guardrails",
    "guardrail_intervened",
    "moderation",
    "refusal",
)
_BROKEN = frozenset(
    {
        "error",
        "abort",
        "network_error",
        "timeout",
        "server_error",
        "insufficient_system_resource",
        "malformed_function_call",
    }
)
_WHOLE = (
    "stop",
    "eos",
    "eos_token",
    "end_turn",
    "stop_sequence",
    "stop_sequence_reached",
    "tool_calls",
    "tool_use",
    "function_call",
    "pause_turn",
    "completed",
)
_REASONS: dict[str, Reason] = {
    **dict.fromkeys(_CUT, "length"),
    **dict.fromkeys(_WITHHELD, "content_filter"),
    **dict.fromkeys(_WHOLE, "stop"),
}


def finish_reason(upstream: str) -> Reason | None:
    """Return what an upstream's reason amounts to; None for one that is not known.

    What follows a colon is the server's comment: "error: out of memory".

    Raises:
        UpstreamUnavailable: it is the server that broke off; before the model has said anything
            another try may succeed.
    """
    if (known := _REASONS.get(upstream)) is not None:
        return known
    word = upstream.partition(":")[0].strip().casefold()
    if word in _BROKEN:
        raise UpstreamUnavailable(f"the upstream broke off its answer ({word})")
    return _REASONS.get(word)
