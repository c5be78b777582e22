"""What servers say at the end of an answer, by all the names that they use (U17). Pure."""

from __future__ import annotations

from typing import Literal

from app.domain.stream.deltas import Finished
from app.errors import UpstreamUnavailable
from app.providers.reading.fields import Note

Reason = Literal["stop", "length", "content_filter"]

#: The message for an answer whose end is missing.
NO_FINISH = "the upstream broke off its answer: it ended without a finish reason"

_CUT = (
    "length",
    "max_tokens",
    "max_output_tokens",
    "model_length",
    "model_context_window_exceeded",
    "context_length",
    "context_length_exceeded",
    "token_limit",
    "max_length",
)
_WITHHELD = (
    "content_filter",
    "content-filter",
    "content_filtered",
    "content_policy_violation",
    "error_toxic",
    "image_prohibited_content",
    "image_recitation",
    "image_safety",
    "language",  # Gemini's: one that it does not speak
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
        "malformed_model_output",
        "malformed_response",
        "malformed_tool_use",
        "missing_thought_signature",
        "too_many_tool_calls",
        "unexpected_tool_call",
        "function_call_filter",  # Gemini's: "function_call_filter: MALFORMED_FUNCTION_CALL"
        "aborted",
        "cancelled",
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

#: Servers' own names of service tiers -> the API's. console.groq.com, "Service tiers"; `standard`
#: is Anthropic's, which relays pass on.
_TIERS = {"on_demand": "default", "standard": "default", "performance": "priority"}

#: Values that servers send in place of null.
_NO_REASON = frozenset({"", "null", "none"})


def reason_word(given: object) -> str:
    """Return the word of a reason in whatever shape it comes, "" if there is none yet.

    SGLang sends it in an object: `{"type": "length", "length": 16}`.
    """
    if isinstance(given, dict):
        given = given.get("type") or given.get("reason")
    if not isinstance(given, str) or given.strip().casefold() in _NO_REASON:
        return ""
    return given


def later_reason(earlier: str | None, later: str) -> str:
    """Return which of an answer's two reasons counts: a later "stop" does not undo a cut."""
    if earlier is None or earlier.casefold() in _WHOLE or later.casefold() not in _WHOLE:
        return later
    return earlier


def finish_reason(upstream: str) -> Reason | None:
    """Return the API's reason for an upstream's; None for an unknown one.

    Text after a colon is the server's comment: "error: out of memory".

    Raises:
        UpstreamUnavailable: the reason is a failure of the server; if there has been no output,
            a retry may succeed.
    """
    if (known := _REASONS.get(upstream)) is not None:
        return known
    word = upstream.partition(":")[0].strip().casefold()
    if word in _BROKEN:
        raise UpstreamUnavailable(f"the upstream broke off its answer ({word})")
    return _REASONS.get(word)


def finished(reason: object, tier: object, note: Note) -> Finished:
    """Return the Finished delta for an upstream's reason; an unknown one is noted, and is "stop".

    Raises:
        UpstreamUnavailable: the reason is a failure of the server.
    """
    word = reason_word(reason) or "stop"
    known = finish_reason(word)
    if known is None:
        note("finish_reason", word)
    return Finished(known or "stop", reported_tier(tier))


def reported_tier(reported: object) -> str | None:
    """Return the API's name for the service tier that a server reports, None if it reports none.

    Clients may know the API's names alone. A name that is in no table may be a new one of the API.
    """
    if not reported or not isinstance(reported, str):
        return None
    return _TIERS.get(reported, reported)
