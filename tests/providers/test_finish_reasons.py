"""Every server's word for why the model stopped."""

from __future__ import annotations

import pytest

from app.errors import UpstreamUnavailable
from app.providers.reading.finish_reasons import Reason, finish_reason, later_reason, reason_word

WORDS: dict[Reason, list[str]] = {
    "length": [
        *("length", "LENGTH", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"),
        *("model_context_window_exceeded", "context_length", "context_length_exceeded"),
        *("token_limit", "max_length"),
    ],
    "content_filter": [
        *("content_filter", "content-filter", "SAFETY", "sensitive", "RECITATION", "refusal"),
        *("PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "guardrail", "guardrails", "moderation"),
        *("content_filtered", "IMAGE_SAFETY", "ERROR_TOXIC", "content_policy_violation"),
        *("LANGUAGE", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    ],
    "stop": ["stop", "STOP", "end_turn", "stop_sequence", "tool_calls", "tool_use", "eos"],
}


@pytest.mark.parametrize(("reason", "word"), [(r, word) for r in WORDS for word in WORDS[r]])
def test_a_word_means(reason: Reason, word: str) -> None:
    assert finish_reason(word) == reason
    assert finish_reason(f" {word}: for a reason of its own") == reason


@pytest.mark.parametrize(
    "word",
    ["error", "Error: out of memory", "abort", "network_error", "timeout", "server_error",
     "insufficient_system_resource", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
     "function_call_filter: MALFORMED_FUNCTION_CALL", "malformed_tool_use", "cancelled",
     "aborted", "malformed_response", "malformed_model_output", "TOO_MANY_TOOL_CALLS",
     "MISSING_THOUGHT_SIGNATURE"],
)  # fmt: skip
def test_a_server_that_broke_off_is_a_failure(word: str) -> None:
    with pytest.raises(UpstreamUnavailable):
        finish_reason(word)


@pytest.mark.parametrize("word", ["", "bored", "length2"])
def test_other_words_are_not_known(word: str) -> None:
    assert finish_reason(word) is None


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("stop", "stop"),
        (None, ""),
        ("", ""),
        ("null", ""),
        ("None", ""),
        ({"type": "length", "length": 16}, "length"),
        ({"reason": "abort"}, "abort"),
        ({"type": {}}, ""),
        (["stop"], ""),
        (7, ""),
    ],
)
def test_a_reason_in_any_shape_has_a_word_or_none(given: object, word: str) -> None:
    assert reason_word(given) == word


@pytest.mark.parametrize(
    ("earlier", "later", "counts"),
    [
        (None, "stop", "stop"),
        ("stop", "length", "length"),
        ("length", "stop", "length"),
        ("content_filter", "STOP", "content_filter"),
        ("error", "stop", "error"),
        ("tool_calls", "stop", "stop"),
        ("length", "content_filter", "content_filter"),
        ("bored", "stop", "bored"),
    ],
)
def test_a_cut_is_not_undone(earlier: str | None, later: str, counts: str) -> None:
    assert later_reason(earlier, later) == counts
