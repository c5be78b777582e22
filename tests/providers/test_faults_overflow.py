"""Every server says in its own words that a conversation is too long."""

from __future__ import annotations

import orjson
import pytest

from app.errors import ContextLengthExceeded, InvalidRequest
from app.providers.faults import fault_of_status
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
    "openai-limit": (
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in "
        "300000 tokens.",
        28_000,
    ),
    "volcengine": ("Total tokens of image and text exceed max message tokens. Request id: 1", None),
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
    "vllm-at-least": (
        "This model's maximum context length is 8192 tokens. However, you requested 64 output "
        "tokens and your prompt contains at least 8229 input tokens, for a total of at least 8293 "
        "tokens. Please reduce the length of the input prompt or the number of requested output "
        "tokens.",
        101,
    ),
    "vllm-exact": (
        "This model's maximum context length is 8192 tokens. However, you requested 64 output "
        "tokens and your prompt contains 10000 input tokens, for a total of 10064 tokens.",
        1872,
    ),
    "vllm-passed": (
        "You passed 4500 input tokens and requested 100 output tokens. However, the model's "
        "context length is only 4096 tokens, resulting in a maximum input length of 3996 tokens.",
        504,
    ),
    "tgi": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 "
        "`inputs` tokens and 200 `max_new_tokens`",
        1104,
    ),
    "tgi-inputs": (
        "Input validation error: `inputs` must have less than 1024 tokens. Given: 1100",
        76,
    ),
    "bedrock": ("Input is too long for requested model.", None),
    "bedrock-count": (
        "Too many input tokens. Max input tokens: 8192, request input token count: 9000",
        808,
    ),
    "moonshot": ("Invalid request: Your request exceeded model token limit: 8192", None),
    "zai": ("Prompt exceeds max length", None),
    "minimax": ("invalid params, context window exceeds limit", None),
    "alibaba": ("Range of input length should be [1, 30720]", None),
    "fireworks": ("The prompt is too long: 12000, model maximum context length: 8191", 3809),
    "cerebras": (
        "Please reduce the length of the messages or completion. Current length is 9000 while "
        "limit is 8192",
        808,
    ),
    "lmstudio": (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is "
        "loaded with context length of only 4096 tokens, which is not enough",
        None,
    ),
}


def refused(status: int, error: dict[str, object]) -> Exception:
    return fault_of_status(status, {}, orjson.dumps({"error": error}), "acme")


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


@pytest.mark.parametrize("server", MESSAGES)
def test_too_long_is_recognised_in_googles_list(server: str) -> None:
    error = {"code": 400, "message": MESSAGES[server][0], "status": "INVALID_ARGUMENT"}
    assert isinstance(
        fault_of_status(400, {}, orjson.dumps([{"error": error}]), "acme"), ContextLengthExceeded
    )


def test_too_long_is_recognised_as_tgi_words_it() -> None:
    body = {"error": MESSAGES["tgi"][0], "error_type": "validation"}
    data = fault_of_status(422, {}, orjson.dumps(body), "acme")
    assert isinstance(data, ContextLengthExceeded)
    assert data.excess_tokens == 1104


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
