"""Every server says in its own words that a conversation is too long."""

from __future__ import annotations

import orjson
import pytest

from app.errors import ContextLengthExceeded, InvalidRequest
from app.providers.faults import fault
from app.providers.faults.overflow import excess_tokens

MESSAGES = {
    "openai": (
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "9001 tokens. Please reduce the length of the messages.",
        809,
    ),
    "openai-requested": (
        "This model's maximum context length is 4097 tokens. However, you requested 4200 tokens "
        "(200 in the messages, 4000 in the completion).",
        103,
    ),
    "openai-responses": (
        "Your input exceeds the context window of this model. Please adjust your input.",
        None,
    ),
    "vllm": (
        "This model's maximum context length is 4096 tokens. However, your request has 5000 input "
        "tokens. Please reduce the length of the input messages.",
        904,
    ),
    "vllm-output": (
        "'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context "
        "length is 4096 tokens and your request has 100 input tokens (4000 > 4096 - 100).",
        4,
    ),
    "vllm-decoder": (
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
        904,
    ),
    "sglang": (
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        904,
    ),
    "sglang-total": (
        "Requested token count exceeds the model's maximum context length of 131072 tokens. You "
        "requested a total of 140000 tokens: 130000 tokens from the input messages.",
        8928,
    ),
    "llamacpp": (
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        904,
    ),
    "llamacpp-old": (
        "the request exceeds the available context size. try increasing the context size",
        None,
    ),
    "llama-cpp-python": ("Requested tokens (600) exceed context window of 512", 88),
    "ollama": ("the input length exceeds the context length", None),
    "ollama-prompt": ("prompt too long; exceeded max context length by 5 tokens", None),
    "anthropic": ("prompt is too long: 208310 tokens > 200000 maximum", 8310),
    "anthropic-output": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease "
        "input length or `max_tokens` and try again",
        10000,
    ),
    "google": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        151424,
    ),
    "mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
        "context length",
        7232,
    ),
    "xai": (
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        8928,
    ),
    "copilot": ("prompt token count of 12345 exceeds the limit of 8192", 4153),
}


def refused(status: int, error: dict[str, object]) -> Exception:
    return fault(status, {}, orjson.dumps({"error": error}), "acme")


@pytest.mark.parametrize("server", MESSAGES)
def test_too_long_is_recognised(server: str) -> None:
    assert isinstance(refused(400, {"message": MESSAGES[server][0]}), ContextLengthExceeded)


@pytest.mark.parametrize("server", MESSAGES)
def test_how_much_too_long_is_read(server: str) -> None:
    message, excess = MESSAGES[server]
    assert excess_tokens(message) == excess


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_code_is_enough(status: int) -> None:
    error = refused(status, {"code": "context_length_exceeded"})
    assert isinstance(error, ContextLengthExceeded)
    assert error.message


def test_llamacpp_counts_for_itself() -> None:
    error = refused(
        400,
        {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 70, "n_ctx": 64},
    )
    assert isinstance(error, ContextLengthExceeded)
    assert error.excess_tokens == 6


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens must be at least 1",
        "The image exceeds the maximum size of 20 MB.",
        "Invalid 'context': expected a string",
        "temperature exceeds the limit of 2",
    ],
)
def test_other_complaints_are_no_overflow(message: str) -> None:
    assert type(refused(400, {"message": message})) is InvalidRequest


def test_an_overflow_that_is_none_by_its_numbers_has_no_excess() -> None:
    assert excess_tokens("prompt is too long: 100 tokens > 200 maximum") is None
