"""Every server's word for why the model stopped."""

from __future__ import annotations

import pytest

from app.errors import UpstreamUnavailable
from app.providers.reading.finish_reasons import Reason, finish_reason

WORDS: dict[Reason, list[str]] = {
    "length": [
        *("length", "LENGTH", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"),
        *("model_context_window_exceeded", "context_length", "context_length_exceeded"),
    ],
    "content_filter": [
        *("content_filter", "content-filter", "SAFETY", "sensitive", "RECITATION", "refusal"),
        *("PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "guardrail", "guardrails", "moderation"),
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
     "insufficient_system_resource", "MALFORMED_FUNCTION_CALL"],
)  # fmt: skip
def test_a_server_that_broke_off_is_a_failure(word: str) -> None:
    with pytest.raises(UpstreamUnavailable):
        finish_reason(word)


@pytest.mark.parametrize("word", ["", "bored", "length2"])
def test_other_words_are_not_known(word: str) -> None:
    assert finish_reason(word) is None
