"""What is said of paths that lead nowhere (E11)."""

from __future__ import annotations

import pytest

from tests.api.conftest import Asker


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/v1/chat/completions", "POST /v1/chat/completions not found: "),
        ("POST", "/v1/messages", "POST /v1/responses"),
        ("POST", "/responses", "base_url"),
        ("GET", "/", "People find the documentation at /docs and the console at /console."),
        ("GET", "/v1/nothing", "/openapi.json"),
        ("GET", "/v1/a%0d%0aX: y", "/v1/a%0D%0AX:%20y not found"),
        ("GET", "/v1/" + "a" * 5000, "aaa not found: "),
    ],
)
def test_a_path_that_leads_nowhere_is_named_with_what_to_try(
    owner: Asker, method: str, path: str, said: str
) -> None:
    response = owner.ask(method, path)
    error = response.get_json()["error"]
    assert (response.status_code, error["type"]) == (404, "not_found_error")
    assert said in error["message"]
    assert len(error["message"]) < 300


@pytest.mark.parametrize("path", ["/v1/models/", "/v1/responses/", "/v1/models/local/echo/"])
def test_one_slash_at_the_end_is_as_if_it_were_not_there(owner: Asker, path: str) -> None:
    assert owner.ask("GET", path).status_code == 200


@pytest.mark.parametrize("path", ["/metrics/", "/healthz/", "/v1/models//", "/v1//"])
def test_no_other_path_has_a_second_spelling(owner: Asker, path: str) -> None:
    assert owner.ask("GET", path).status_code == 404


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/", "/v1/responses/resp_1"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "h2c, WebSocket"},
        {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Connection": "close"},
    ],
)
def test_an_upgrade_to_websocket_is_426_whatever_the_key(
    owner: Asker, path: str, headers: dict[str, str]
) -> None:
    answer = owner.client.get(path, headers=headers)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (426, "websocket_not_offered")
    assert "POST /v1/responses" in error["message"]


@pytest.mark.parametrize(
    ("path", "wanted"), [("/v1/models", "websocket"), ("/v1/responses", "h2c")]
)
def test_any_other_upgrade_is_not_looked_at(owner: Asker, path: str, wanted: str) -> None:
    headers = {"Upgrade": wanted, "Authorization": f"Bearer {owner.secret}"}
    assert owner.client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("word", ["input_tokens", "compact"])
def test_a_path_that_is_a_word_is_no_response(owner: Asker, word: str) -> None:
    answer = owner.ask("GET", f"/v1/responses/{word}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
