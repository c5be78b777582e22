"""Vendors say with statuses of other meanings whose matter a refusal is: their words tell."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    ReasoningRefused,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from app.providers.faults import fault_in_answer, fault_of_status
from app.providers.faults.error_body import MAX_MESSAGE


def refused(status: int, body: Any) -> GatewayError:
    return fault_of_status(status, {}, orjson.dumps(body), "acme")


def said(message: str, **more: Any) -> Any:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    "body",
    [
        [said("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")],
        [said("API Key not found. Please pass a valid API key.", status="INVALID_ARGUMENT")],
        [said("API key expired. Please renew the API key.", status="INVALID_ARGUMENT")],
        {"code": "Client specified an invalid argument",
         "error": "Incorrect API key provided: xa***. You can obtain an API key from the console."},
        said("No.", code="invalid_api_key"),
        said("No.", type="authentication_error"),
        [said("User location is not supported for the API use.", status="FAILED_PRECONDITION")],
    ],
    ids=["google", "google-missing", "google-expired", "xai", "code", "type", "location"],
)  # fmt: skip
def test_a_credential_that_is_refused_with_a_400_is_the_operators_matter(body: Any) -> None:
    error = refused(400, body)
    assert isinstance(error, UpstreamRefused)
    assert error.refusal == 401
    assert "xa***" not in error.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, said("Access denied, please make sure your account is in good standing.",
                   code="Arrearage")),
        (403, said("Your account has an overdue balance.", code="AccountOverdueError")),
        (403, {"code": "The caller does not have permission",
               "error": "Your newly created teams doesn't have any credits yet."}),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
        (403, said("The free tier of the model has been exhausted.")),
        (412, said("Account x is suspended, possibly due to reaching the monthly spending limit",
                   code="PRECONDITION_FAILED")),
        (400, said("LiteLLM User: x, exceeded budget for model=m", type="budget_exceeded")),
        (400, said("Budget has been exceeded! Current cost: 1.0, Max budget: 0.5", code=400)),
        (400, said("ExceededBudget: End User=x over budget. Spend=1, Budget=0.5", code=400)),
    ],
    ids=["dashscope", "volcengine", "xai", "siliconflow", "free-tier", "fireworks", "litellm",
         "litellm-old", "litellm-user"],
)  # fmt: skip
def test_an_account_without_credit_is_the_operators_matter(status: int, body: Any) -> None:
    error = refused(status, body)
    assert isinstance(error, UpstreamRefused)
    assert error.refusal == 402
    assert "has no credit" in error.message


@pytest.mark.parametrize(
    "body",
    [
        said("余额不足或无可用资源包,请充值。", code="1113"),
        said("Your account is suspended, please check your plan and billing details",
             type="exceeded_current_quota_error"),
        said("You exceeded your current quota", code="insufficient_quota"),
    ],
    ids=["zai", "moonshot", "openai"],
)  # fmt: skip
def test_a_429_that_waiting_does_not_mend_has_the_code_of_a_quota(body: Any) -> None:
    error = refused(429, body)
    assert (type(error), error.code) == (UpstreamRateLimited, "insufficient_quota")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, said("模型不存在", code="1211")),
        (400, {"code": 20012, "message": "Model does not exist. Please check it carefully."}),
        (400, said("The model `gpt-4.1` has been decommissioned", code="model_decommissioned")),
        (400, said("The provided model identifier is invalid.", code="validation_error")),
        (404, said("No endpoints found that support tool use.", code=404)),
        (404, said("No allowed providers are available for the selected one.", code=404)),
    ],
    ids=["zai", "siliconflow", "groq", "bedrock", "openrouter", "openrouter-providers"],
)
def test_a_model_that_is_not_there_is_named_whatever_the_status(status: int, body: Any) -> None:
    error = refused(status, body)
    assert (type(error), error.param, error.code) == (NotFound, "model", "model_not_found")


@pytest.mark.parametrize(
    "message",
    [
        "The model does not support tools",
        "Tool 'x' not found",
        "Your request used the api_key parameter, which is unknown",
    ],
)
def test_what_is_wrong_with_a_request_stays_the_callers_to_mend(message: str) -> None:
    assert type(refused(400, said(message))) is InvalidRequest


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid schema for function 'f': In context=('properties', '{}'), 'type' is wrong."),
        (400, 'Input should be a valid string (input: {{"{}": 1}}).'),
        (413, "Field `{}` is too large."),
        (400, "The name \u201c{}\u201d is taken."),
        (400, f"Invalid value: '{{}}{' x' * MAX_MESSAGE}'"),
        (404, "model: {}"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        "insufficient funds",
        "invalid API key",
        "tokens per minute",
        "(TPM)",
        "x' insufficient funds, invalid API key, tokens per minute 'y",
        "isn't it: insufficient funds",
    ],
)
def test_no_key_rests_by_what_a_caller_writes(status: int, message: str, words: str) -> None:
    error = refused(status, said(message.format(words)))
    assert isinstance(error, NotFound if status == 404 else InvalidRequest)


def test_a_404_that_names_a_field_is_the_callers_to_mend() -> None:
    body = said("Item with id 'rs_1' not found.", type="invalid_request_error", param="input")
    error = refused(404, body)
    assert type(error) is InvalidRequest
    assert (error.status, error.param) == (400, "input")
    assert error.message == "Item with id 'rs_1' not found."


def test_nobody_waits_for_what_a_caller_writes() -> None:
    quoted = "Rate limit reached for the key 'try again in 99h9m9s'."
    assert refused(429, said(quoted)).retry_after_s is None
    assert refused(429, said(f"{quoted} Please try again in 7s.")).retry_after_s == 7


@pytest.mark.parametrize(
    "message",
    [
        "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
        "Prompt length (5056) exceeds maximum sequence length (2048)",
        "The sum of prompt length (9351.0), query length (0) should not exceed max_num_tokens "
        "(8192)",
        "default_max_tokens (-904) must be greater than 0, default_max_tokens (-904) = "
        "max_seq_len (4096) - splited_prompt_len (5000)",
    ],
    ids=["sglang", "tensorrt", "tensorrt-sum", "tensorrt-default"],
)
def test_an_input_that_is_too_long_is_known(message: str) -> None:
    assert type(refused(400, said(message))) is ContextLengthExceeded


def test_an_input_that_is_too_long_is_known_by_its_code() -> None:
    body = said("Request body too large for the model. Max size: 8000", code="tokens_limit_reached")
    assert type(refused(413, body)) is ContextLengthExceeded


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "content_filter", "message": "filtered", "status": 400}, "content_filter"),
        ({"code": "content_filter", "message": "filtered"}, "content_filter"),
        ({"code": "data_inspection_failed", "message": "no"}, "data_inspection_failed"),
        ({"code": "cyber_policy", "message": "flagged"}, "cyber_policy"),
    ],
)
def test_content_that_is_refused_inside_an_answer_is_the_callers_to_mend(
    error: object, code: str
) -> None:
    fault = fault_in_answer(error, "acme")
    assert (type(fault), fault.code) == (InvalidRequest, code)


def test_a_status_counts_where_the_code_is_a_word() -> None:
    assert type(fault_in_answer({"code": "busy", "status": 503}, "acme")) is UpstreamUnavailable
    assert type(fault_in_answer({"code": "busy", "status": 429}, "acme")) is UpstreamRateLimited


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for m on TPM: Limit 1, Used 1. Please try again in 8.4s. Visit", 9),
        ("Please try again in 20ms.", 1),
        ("Please try again in 1m2.5s.", 63),
        ("Please try again in 1h0m1s.", 3601),
        ("Requests have exceeded call rate limit. Please retry after 6 seconds.", 6),
        ("Please try again in 20 seconds.", 20),
        ("Please try again in a while.", None),
        ("Slow down.", None),
    ],
)
def test_a_wait_that_only_the_words_say_is_kept(message: str, seconds: int | None) -> None:
    assert refused(429, said(message)).retry_after_s == seconds


def test_a_wait_that_a_header_says_counts_before_the_words() -> None:
    body = orjson.dumps(said("Please try again in 20s."))
    assert fault_of_status(429, {"retry-after": "7"}, body, "acme").retry_after_s == 7


SIGNATURE = "messages.1.content.0: Invalid `signature` in `thinking` block"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, said(SIGNATURE, type="invalid_request_error")),
        (400, said(f"{SIGNATURE}. The block is bound to a different conversation. Remove it")),
        (429, said(SIGNATURE)),
        (400, said("messages.3.content.0: `thinking` or `redacted_thinking` blocks in the latest "
                   "assistant message cannot be modified. These blocks must remain as they were.")),
        (400, said("The encrypted content gAAA...DQ== could not be verified.",
                   type="invalid_request_error", code="invalid_encrypted_content")),
        (400, said("The encrypted content for item rs_1 could not be verified. Reason: Encrypted "
                   "content could not be decrypted or parsed.")),
        (400, {"code": "invalid-argument", "error": "Could not decrypt the provided "
               "encrypted_content. Ensure the value is the unmodified encrypted_content."}),
        (400, said("Item 'rs_1' of type 'reasoning' was provided without its required following "
                   "item.", type="invalid_request_error")),
        (400, said("x", code="thinking_signature_invalid")),
        (400, said("[invalid_request_error] reasoning `encrypted_content` was not issued to this "
                   "caller")),
        (400, {"message": "Thinking block is bound to a different conversation prefix"}),
        (400, [said("Corrupted thought signature.", status="INVALID_ARGUMENT")]),
        (400, [said("Unable to submit request because Thought signature is not valid.")]),
        (400, said("messages[1].reasoning: reasoning is not supported with this model")),
    ],
    ids=["signature", "bound", "relay", "modified", "openai", "mirror", "xai", "alone", "code",
         "meta", "aws", "google", "vertex", "groq"],
)  # fmt: skip
def test_reasoning_that_is_not_taken_back_is_known_by_what_is_said_of_it(
    status: int, body: Any
) -> None:
    error = refused(status, body)
    assert type(error) is ReasoningRefused
    assert (error.status, error.code, error.param) == (400, "invalid_encrypted_content", "input")


def test_reasoning_is_refused_in_a_stream_as_well() -> None:
    error = {"type": "invalid_request_error", "message": SIGNATURE}
    assert type(fault_in_answer(error, "acme")) is ReasoningRefused


@pytest.mark.parametrize("status", [401, 404, 500])
def test_what_a_caller_writes_of_signatures_changes_no_other_refusal(status: int) -> None:
    assert type(refused(status, said(SIGNATURE))) is not ReasoningRefused


def _of_anthropic(kind: str, error_code: str) -> Any:
    error = {"type": kind, "message": "No.", "details": {"error_code": error_code}}
    return {"type": "error", "error": error}


@pytest.mark.parametrize("code", ["contract_spend_limit_reached", "enforced_spend_limit_reached"])
def test_a_spent_limit_is_no_passing_one(code: str) -> None:
    error = refused(429, _of_anthropic("rate_limit_error", code))
    assert type(error) is UpstreamRateLimited
    assert error.code == "insufficient_quota"


def test_a_limit_that_passes_is_one_of_rate() -> None:
    error = refused(429, _of_anthropic("rate_limit_error", "ramp_limit_exceeded"))
    assert error.code == "rate_limit_exceeded"


@pytest.mark.parametrize("code", ["organization_on_hold", "cmek_key_disabled"])
def test_an_organization_that_is_refused_is_the_operators_matter(code: str) -> None:
    error = refused(400, _of_anthropic("invalid_request_error", code))
    assert isinstance(error, UpstreamRefused)


def test_what_the_details_call_a_callers_fault_is_its_code() -> None:
    body = _of_anthropic("invalid_request_error", "image_dimensions_too_large")
    assert refused(400, body).code == "image_dimensions_too_large"
