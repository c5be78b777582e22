"""How many tokens a request's input is (G9)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.domain.accounts.accounts import Allowance, Permissions
from tests.api.conftest import Asker, asker

PATH = "/v1/responses/input_tokens"


def test_a_model_counts_what_it_would_read(owner: Asker) -> None:
    body = {"model": "local/echo", "instructions": "Be brief.", "input": "One two three"}
    answer = owner.ask("POST", PATH, body)
    assert answer.get_json() == {"object": "response.input_tokens", "input_tokens": 5}
    assert "X-Estimated" not in answer.headers
    used = owner.ask("POST", "/v1/responses", body).get_json()["usage"]
    assert used["input_tokens"] == 5


def test_the_conversation_is_counted_with_it(owner: Asker) -> None:
    first = owner.create(input="One two three")
    body = {"model": "local/echo", "previous_response_id": first, "input": "four"}
    counted = owner.ask("POST", PATH, body).get_json()["input_tokens"]
    assert counted == owner.ask("POST", "/v1/responses", body).get_json()["usage"]["input_tokens"]
    del body["input"]
    assert owner.ask("POST", PATH, body).get_json()["input_tokens"] == counted - 1


def test_without_a_model_the_tokens_are_estimated_and_the_answer_says_so(owner: Asker) -> None:
    answer = owner.ask("POST", PATH, {"input": "x" * 400})
    assert answer.get_json() == {"object": "response.input_tokens", "input_tokens": 100}
    assert answer.headers["X-Estimated"] == "input_tokens"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"model": "local/echo"}, 400, "missing_required_parameter", "input"),
        ({"model": "local/echo", "input": []}, 400, "invalid_value", "input"),
        ({"model": 5, "input": "Hi"}, 400, "invalid_type", "model"),
        ({"model": "nobody/knows", "input": "Hi"}, 404, "model_not_found", "model"),
        ({"input": [{"role": "nobody", "content": "Hi"}]}, 400, "invalid_value", "input[0].role"),
        (
            {"input": "Hi", "previous_response_id": "resp_unknown"},
            400,
            "previous_response_not_found",
            "previous_response_id",
        ),
    ],
)
def test_what_could_not_be_answered_is_not_counted(
    owner: Asker, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = owner.ask("POST", PATH, body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


def test_nothing_is_stored_or_charged_for_a_count(owner: Asker) -> None:
    assert owner.ask("POST", PATH, {"model": "local/echo", "input": "Hi"}).status_code == 200
    assert owner.ask("GET", "/v1/usage").get_json()["data"] == []


def test_what_nobody_knows_is_named(owner: Asker) -> None:
    answer = owner.ask("POST", PATH, {"input": "Hi", "new": 1})
    assert answer.headers["X-Ignored-Parameters"] == "new"


def test_a_count_is_a_request_to_the_limits(app: Flask) -> None:
    limited = asker(app, "limited", Permissions(limits=Allowance(requests_per_minute=1)))
    assert limited.ask("POST", PATH, {"input": "Hi"}).status_code == 200
    refused = limited.ask("POST", PATH, {"input": "Hi"})
    assert refused.get_json()["error"]["code"] == "rate_limit_exceeded"


def test_a_key_that_may_only_read_is_refused(app: Flask) -> None:
    reader = asker(app, "reader", Permissions(read_only=True))
    assert reader.ask("POST", PATH, {"input": "Hi"}).status_code == 403
