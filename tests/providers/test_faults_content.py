"""A 403 about what was asked is the caller's to mend, one about who asks is the operator's (U2)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.errors import GatewayError, InvalidRequest, UpstreamRefused
from app.providers.faults.mapping import fault_of_status

FLAGGED = {
    "xai": {
        "code": "The caller does not have permission to execute the specified operation",
        "error": "Content violates usage guidelines. Team: T-17, API key ID: K-17",
    },
    "openrouter": {
        "error": {
            "code": 403,
            "message": "meta requires moderation. Your input was flagged for violence",
            "metadata": {"reasons": ["violence"], "flagged_input": "x"},
        }
    },
    "guardrail": {"error": {"message": "Request blocked: prompt injection patterns detected"}},
    "code": {"error": {"message": "No.", "code": "content_policy_violation"}},
    "policy": {"error": {"message": "This violates our content policy"}},
}


def refused(body: Any) -> GatewayError:
    return fault_of_status(403, {}, orjson.dumps(body), "acme")


@pytest.mark.parametrize("server", FLAGGED)
def test_content_that_a_provider_does_not_allow_is_the_callers_to_mend(server: str) -> None:
    error = refused(FLAGGED[server])
    assert type(error) is InvalidRequest
    assert (error.code, error.param) == ("content_policy_violation", "input")
    assert "acme" in error.message
    assert "17" not in error.message


@pytest.mark.parametrize(
    "message",
    ["", "Access to the chat endpoint is denied", "Your key was blocked", "Country not supported",
     "Your request was blocked.", "Request blocked. We can't connect to the server for this app.",
     "Your account violates our usage policies", "Account suspended: it violates the usage policy",
     "Project does not have access to model m", "Moderation is not enabled for this project"],
)  # fmt: skip
def test_any_other_403_is_the_operators(message: str) -> None:
    assert type(refused({"error": {"message": message}})) is UpstreamRefused


@pytest.mark.parametrize(
    "body",
    [b'data: {"error": {"message": "too hot"}}\n\ndata: [DONE]\n\n',
     b'event: error\ndata: {"type": "error", "error": {"message": "too hot"}}\n\n',
     b'data:{"error":{"message":"too hot"}}', b"event: error\ndata: too hot\n\n"],
)  # fmt: skip
def test_an_error_that_is_a_stream_is_read(body: bytes) -> None:
    error = fault_of_status(400, {}, body, "acme")
    assert type(error) is InvalidRequest
    assert error.message == "too hot"
