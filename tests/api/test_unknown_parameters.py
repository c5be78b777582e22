"""Keys of a body that nobody knows, as the operator has them treated (R1, R21)."""

from __future__ import annotations

import pytest
from flask import Flask

from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, RequestSettings, Settings
from tests.api.conftest import PREFIX, Asker, asker

BODY = {"model": "local/echo", "input": "Hi", "colour": "blue"}


@pytest.fixture
def strict(redis_url: str, app: Flask) -> Asker:
    """Somebody at a gateway that refuses such keys."""
    settings = Settings(
        providers=(ProviderSettings(name="local", api="local"),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        requests=RequestSettings(unknown_parameters="refuse"),
        log_level="CRITICAL",
    )
    return asker(create_app(settings), "owner")


def test_they_are_named_by_default(owner: Asker) -> None:
    answer = owner.ask("POST", "/v1/responses", BODY)
    assert (answer.status_code, answer.headers["X-Ignored-Parameters"]) == (200, "colour")


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/input_tokens"])
@pytest.mark.parametrize("background", [False, True])
def test_they_are_refused_where_the_operator_says_so(
    strict: Asker, path: str, background: bool
) -> None:
    answer = strict.ask("POST", path, BODY | {"background": background})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "unknown_parameter",
        "colour",
    )


@pytest.mark.parametrize(
    ("body", "param", "near"),
    [
        ({"temprature": 1}, "temprature", '"temperature"'),
        ({"reasoning": {"efort": "low"}}, "reasoning.efort", '"effort"'),
        ({"input": [{"role": "user", "contents": "Hi"}]}, "input[0].contents", '"content"'),
    ],
)
def test_what_is_nearly_known_is_named_with_what_may_be_meant(
    strict: Asker, body: dict[str, object], param: str, near: str
) -> None:
    whole = {"model": "local/echo", "input": "Hi"} | body
    error = strict.ask("POST", "/v1/responses", whole).get_json()["error"]
    assert (error["code"], error["param"]) == ("unknown_parameter", param)
    assert f"did you mean {near}?" in error["message"]


def test_what_is_known_is_served_there(strict: Asker) -> None:
    body = {"model": "local/echo", "input": "Hi", "background": True}
    assert strict.ask("POST", "/v1/responses", body).status_code == 202


def test_a_key_beside_a_conversations_id_is_named_and_refused(owner: Asker, strict: Asker) -> None:
    for caller in (owner, strict):
        made = caller.ask("POST", "/v1/conversations").get_json()["id"]
        body = BODY | {"conversation": {"id": made, "colour": "blue"}}
        del body["colour"]
        answer = caller.ask("POST", "/v1/responses", body)
        if caller is owner:
            named = answer.headers.get("X-Ignored-Parameters")
            assert (answer.status_code, named) == (200, "conversation.colour")
        else:
            error = answer.get_json()["error"]
            assert (error["code"], error["param"]) == ("unknown_parameter", "conversation.colour")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/conversations", {"metadata": {}}),
        ("/v1/conversations/{conversation}", {"metadata": {}}),
        ("/v1/conversations/{conversation}/items", {"items": []}),
        (
            "/v1/webhook_endpoints",
            {"name": "n", "url": "https://a.example", "event_types": ["response.failed"]},
        ),
        ("/v1/webhook_endpoints/whe_1", {"name": "n"}),
        ("/v1/webhook_endpoints/whe_1/rotate_secret", {}),
        ("/v1/webhook_endpoints/whe_1/test", {"event_type": "response.failed"}),
    ],
)
def test_they_are_refused_in_every_body(strict: Asker, path: str, body: dict[str, object]) -> None:
    made = strict.ask("POST", "/v1/conversations").get_json()["id"]
    answer = strict.ask("POST", path.format(conversation=made), body | {"colour": "blue"})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "unknown_parameter",
        "colour",
    )
