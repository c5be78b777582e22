"""What each server's way to refuse means to our caller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from app.errors import (
    ContextLengthExceeded,
    GatewayError,
    InvalidRequest,
    NotFound,
    UpstreamMisaddressed,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.faults import error_body, fault_in_answer, fault_of_status, retry_after_s

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def refused(status: int, body: Any = b"", **headers: str) -> GatewayError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fault_of_status(status, named, raw, "acme", now=NOW)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, UpstreamMisaddressed),
        (400, InvalidRequest),
        (401, UpstreamRefused),
        (402, UpstreamRefused),
        (403, UpstreamRefused),
        (404, UpstreamMisaddressed),
        (405, UpstreamMisaddressed),
        (406, UpstreamMisaddressed),
        (408, UpstreamUnavailable),
        (409, UpstreamUnavailable),
        (410, UpstreamMisaddressed),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, UpstreamRateLimited),
        (451, UpstreamMisaddressed),
        (498, UpstreamUnavailable),
        (499, UpstreamUnavailable),
        (500, UpstreamUnavailable),
        (502, UpstreamUnavailable),
        (503, UpstreamUnavailable),
        (504, UpstreamTimeout),
        (524, UpstreamTimeout),
        (529, UpstreamUnavailable),
    ],
)
def test_a_status_means(status: int, expected: type[GatewayError]) -> None:
    assert type(refused(status)) is expected


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 503, 504])
def test_a_refusal_without_words_names_the_provider(status: int) -> None:
    assert "acme" in refused(status).message


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No such thing.", "type": "invalid_request_error", "code": None}},
        {"error": {"code": 400, "message": "No such thing.", "type": "invalid_request_error"}},
        {"type": "error", "error": {"type": "invalid_request_error", "message": "No such thing."}},
        {"object": "error", "message": "No such thing.", "type": "BadRequestError", "code": 400},
        {"error": "No such thing."},
        {"detail": "No such thing."},
        {"detail": [{"loc": ["body"], "msg": "No such thing."}]},
        {"message": "No such thing."},
        "No such thing.",
        b"No such thing.\n",
        [{"error": {"code": 400, "message": "No such thing.", "status": "INVALID_ARGUMENT"}}],
        {"errors": [{"message": "No such thing."}]},
        {"errors": ["No such thing."]},
        {"detail": {"error": "No such thing."}},
        {"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "No such thing."}]}},
        {"base_resp": {"status_code": 2013, "status_msg": "No such thing."}},
        {"error": "No such thing.", "error_type": "validation"},
        {"__type": "ValidationException", "message": "No such thing."},
        {"Message": "No such thing."},
        {"error": {"message": "Provider returned error",
                   "metadata": {"raw": '{"error":{"message":"No such thing."}}'}}},
        {"error": {"error": {"message": "No such thing."}}},
        ["No such thing."],
    ],
    ids=["openai", "llamacpp", "anthropic", "vllm", "ollama", "detail", "details", "message",
         "json-text", "text", "google", "errors", "errors-text", "detail-object", "mistral",
         "minimax", "tgi", "bedrock", "aws", "openrouter", "twice", "list-of-text"],
)  # fmt: skip
def test_every_servers_words_are_found(body: Any) -> None:
    assert refused(400, body).message == "No such thing."


@pytest.mark.parametrize(
    "body",
    [b"<!DOCTYPE html><html>Bad</html>", b"  <html>", b"[]", b"{}", b'{"error": {}}', b"null"],
)
def test_what_is_no_word_is_not_told(body: bytes) -> None:
    assert refused(400, body).message == "provider 'acme' refused the request (400)"


def test_an_upstreams_own_fault_is_not_told_in_its_words() -> None:
    assert "Traceback" not in refused(500, {"error": {"message": "Traceback: boom"}}).message


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_input_that_a_server_cannot_read_is_the_callers_fault_whatever_the_status(
    kind: str,
) -> None:
    hint = "hint: if this is unexpected, you may need to provide the mmproj"
    message = f"{kind} input is not supported - {hint}"
    result = refused(500, {"error": {"code": 500, "message": message, "type": "server_error"}})
    assert isinstance(result, InvalidRequest)
    assert (result.message, result.param, result.code) == (message, "input", "unsupported_value")


def test_a_long_message_is_cut() -> None:
    assert len(refused(400, b"no " * 5000).message) == 2000


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}},
        {"error": {"message": "model 'x' not found, try pulling it first"}},
        {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment is not there."}},
    ],
    ids=["openai", "ollama", "anthropic", "azure"],
)
def test_an_unknown_model_is_not_found(body: Any) -> None:
    error = refused(404, body)
    assert (type(error), error.param, error.code) == (NotFound, "model", "model_not_found")


def test_an_unknown_model_may_be_told_by_another_status() -> None:
    assert isinstance(refused(400, {"error": {"code": "model_not_found"}}), NotFound)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("temperature", "temperature"),
        ("max_completion_tokens", "max_output_tokens"),
        ("messages[2].content", "input"),
        ("messages.2.content", "input"),
        ("response_format", "text.format"),
        ("tools[0].function.name", "tools[0].function.name"),
        ("no such parameter!", None),
        (None, None),
    ],
)
def test_a_parameter_is_named_in_the_callers_words(theirs: str | None, ours: str | None) -> None:
    assert refused(400, {"error": {"message": "no", "param": theirs}}).param == ours


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("invalid_image_url", "invalid_image_url"), ("Bad Code", None), (1234, None), ("400", None)],
)
def test_a_code_is_passed_on_when_it_is_one(theirs: object, ours: str | None) -> None:
    assert refused(400, {"error": {"message": "no", "code": theirs}}).code == ours


def test_an_empty_purse_is_the_operators_to_mend() -> None:
    body = {"type": "error", "error": {"message": "Your credit balance is too low to access"}}
    assert isinstance(refused(400, body), UpstreamMisbehaved)


def test_a_used_up_quota_keeps_its_code() -> None:
    assert refused(429, {"error": {"code": "insufficient_quota"}}).code == "insufficient_quota"


def test_a_rate_limit_has_our_code() -> None:
    assert refused(429, {"error": {"code": "slow_down"}}).code == "rate_limit_exceeded"


def test_who_is_limited_tries_after_a_second_if_the_server_names_no_time() -> None:
    assert refused(429).retry_headers == {"Retry-After": "1"}
    assert refused(429, retry_after="soon").retry_headers == {"Retry-After": "1"}
    # Waiting does not help: the provider has to be paid.
    assert (
        "Retry-After" not in refused(429, {"error": {"code": "insufficient_quota"}}).retry_headers
    )


@pytest.mark.parametrize("status", [429, 503, 504, 529])
def test_the_wait_that_is_asked_for_is_kept(status: int) -> None:
    assert refused(status, retry_after="12").retry_after_s == 12


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.2"}, 1),
        ({"retry-after": "-3"}, 1),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:30 GMT"}, 90),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:30 -0000"}, 90),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 1),
        ({"retry-after-ms": "1500"}, 2),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 2),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "99999999"}, 86_400),
        ({"retry-after": "Thu, 01 Jan 2027 12:00:00 GMT"}, 86_400),
        ({"retry-after-ms": "1e300"}, 86_400),
        ({}, None),
    ],
)
def test_a_wait_is_read_in_every_form(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, UpstreamUnavailable),
        ({"type": "rate_limit_error"}, UpstreamRateLimited),
        ({"type": "authentication_error"}, UpstreamRefused),
        ({"type": "timeout_error"}, UpstreamTimeout),
        ({"type": "invalid_request_error", "message": "no"}, InvalidRequest),
        ({"code": "rate_limit_exceeded"}, UpstreamRateLimited),
        ({"code": "context_length_exceeded"}, ContextLengthExceeded),
        ({"code": 429}, UpstreamRateLimited),
        ({"code": "502"}, UpstreamUnavailable),
        ({"code": 401, "message": "no"}, UpstreamRefused),
        ({"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}, InvalidRequest),
        ({"status": "RESOURCE_EXHAUSTED"}, UpstreamRateLimited),
        ([{"error": {"code": 429}}], UpstreamRateLimited),
        ({"status_code": 1002, "status_msg": "rate limit"}, UpstreamRateLimited),
        ({"status_code": 1008, "status_msg": "insufficient balance"}, UpstreamRefused),
        ({"message": "who knows"}, UpstreamUnavailable),
        ("boom", UpstreamUnavailable),
        (True, UpstreamUnavailable),
    ],
    ids=str,
)
def test_an_error_inside_an_answer_means(error: object, expected: type[GatewayError]) -> None:
    assert type(fault_in_answer(error, "acme")) is expected


@pytest.mark.parametrize("field", ["code", "type"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("invalid_prompt misalignment_policy_violation validation", InvalidRequest),
        ("request_too_large InvalidParameter ValidationException", InvalidRequest),
        ("billing_error permission_error permission_denied_error", UpstreamRefused),
        ("UNAUTHENTICATED PERMISSION_DENIED InvalidApiKey AccessDeniedException", UpstreamRefused),
        ("Throttling ThrottlingException", UpstreamRateLimited),
        ("ModelTimeoutException DEADLINE_EXCEEDED", UpstreamTimeout),
    ],
)
def test_a_name_inside_an_answer_means(
    field: str, names: str, expected: type[GatewayError]
) -> None:
    for name in names.split():
        assert type(fault_in_answer({field: name, "message": "no"}, "acme")) is expected, name


@pytest.mark.parametrize(
    "body",
    [b"404 page not found", b"<html>no</html>", {"detail": "Not Found"}, b"", {"error": "no"}],
    ids=["text", "html", "fastapi", "empty", "error"],
)
def test_a_404_that_is_not_about_a_model_is_the_operators_to_mend(body: Any) -> None:
    error = refused(404, body)
    assert type(error) is UpstreamMisaddressed
    assert "base_url" in error.message


@pytest.mark.parametrize("field", ["message", "code", "type", "param"])
@pytest.mark.parametrize("sent", ["sk-hunter22hunter22", "lower_case_words_only"])
@pytest.mark.parametrize("status", [307, 400, 404, 422, 429, 503])
def test_no_field_of_an_error_brings_our_credential_back(
    field: str, sent: str, status: int
) -> None:
    body = orjson.dumps({"error": {"message": "no", field: sent}})
    where = {"location": f"http://127.0.0.1/{sent}/v1"}
    error = fault_of_status(status, where, body, "acme", secret=sent)
    assert sent not in str([error.message, error.code, error.param, error.type])


def test_a_megabyte_of_a_message_is_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counting(text: str, secret: str | None) -> str:
        looked_at.append(len(text))
        return text

    monkeypatch.setattr(error_body, "redact", counting)
    fault_of_status(400, {}, orjson.dumps({"error": {"message": "sk-" * 350_000}}), "acme")
    assert max(looked_at) <= error_body.MAX_READ


def test_a_redirect_names_where_to_without_its_credentials() -> None:
    error = refused(307, location="https://user:pass@api.example/v1/x?key=secret")
    assert type(error) is UpstreamMisaddressed
    assert "'https://api.example/v1/x'" in error.message
    assert "pass" not in error.message
    assert "secret" not in error.message


def test_tokens_a_minute_are_a_rate_limit_whatever_the_status() -> None:
    message = (
        "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7000"
    )
    error = refused(413, {"error": {"message": message, "code": "rate_limit_exceeded"}})
    assert type(error) is UpstreamRateLimited


def test_the_delay_of_googles_retry_info_is_a_wait() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.2s"}
    body = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{}, info]}}]
    assert refused(429, body).retry_after_s == 37


def test_a_402_that_says_when_to_come_again_is_a_rate_limit() -> None:
    metadata = {"limit_source": "openrouter_in_flight_budget"}
    body = {"error": {"code": 402, "message": "in_flight_budget_exhausted", "metadata": metadata}}
    error = refused(402, body, retry_after="4")
    assert isinstance(error, UpstreamRateLimited)
    assert (error.status, error.retry_after_s, error.code) == (429, 4, "rate_limit_exceeded")


def test_a_402_says_that_the_account_at_the_provider_has_no_credit() -> None:
    error = refused(402, {"error": {"message": "This request requires more credits"}})
    assert "the account at provider 'acme' has no credit" in error.message


@pytest.mark.parametrize("depth", [1, 100])
def test_words_that_lie_too_deep_are_not_looked_for(depth: int) -> None:
    body: Any = "deep"
    for _ in range(depth):
        body = {"detail": body}
    assert ("deep" in refused(400, body).message) is (depth == 1)
