"""Where a key may stand in a request, and that there is one (N16)."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Asker


def ask(owner: Asker, **headers: str) -> TestResponse:
    """Ask for the models with these headers, in which KEY stands for the key."""
    given = {
        name.replace("_", "-"): value.replace("KEY", owner.secret)
        for name, value in headers.items()
    }
    return owner.client.get("/v1/models", headers=given)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer KEY"},
        {"Authorization": "bearer \tKEY "},
        {"x_api_key": "KEY"},
        {"api_key": "KEY"},
        {"Authorization": "Bearer KEY", "x_api_key": "KEY"},
        {"x_api_key": "KEY", "api_key": " KEY"},
        {"Authorization": "Bearer KEY", "x_api_key": "KEY", "api_key": "KEY"},
        {"Authorization": "Bearer ", "api_key": "KEY"},
        {"Authorization": "Basic dXNlcjpw", "api_key": "KEY"},
    ],
)
def test_a_key_may_stand_in_any_of_three_headers(owner: Asker, headers: dict[str, str]) -> None:
    assert ask(owner, **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer KEY", "x_api_key": "sk-other"},
        {"Authorization": "Bearer sk-other", "x_api_key": "KEY"},
        {"Authorization": "Bearer KEY", "api_key": "sk-other"},
        {"x_api_key": "KEY", "api_key": "KEYx"},
        {"Authorization": "Bearer KEY", "x_api_key": "KEY", "api_key": "sk-other"},
    ],
)
def test_two_keys_that_differ_are_none(owner: Asker, headers: dict[str, str]) -> None:
    response = ask(owner, **headers)
    assert (response.status_code, response.get_json()["error"]["code"]) == (401, "invalid_api_key")
    assert "sk-other" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "authorization", ["KEY", "Basic dXNlcjpw", "Bearer", "Bearer:KEY", "Token KEY", "BearerKEY"]
)
def test_another_scheme_is_told_which_it_must_be(owner: Asker, authorization: str) -> None:
    response = ask(owner, Authorization=authorization)
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (401, "authentication_required")
    assert "The Authorization header holds no key" in error["message"]


def test_no_key_at_all_is_told_how_to_send_one(owner: Asker) -> None:
    error = ask(owner).get_json()["error"]
    assert error["code"] == "authentication_required"
