"""/v1/webhook_endpoints over HTTP, on a real Redis."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from openai.types.webhooks import (
    DeletedWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookEndpointWithSecret,
    WebhookEventTypeList,
)

from app.domain.accounts.accounts import Permissions
from app.domain.webhooks.endpoints import EVENT_TYPES
from app.schemas.webhooks.wire import (
    SECRET_ENDPOINT,
    WEBHOOK_ENDPOINT,
    WEBHOOK_ENDPOINTS,
)
from tests.api.conftest import Asker, asker

PATH = "/v1/webhook_endpoints"
BODY = {
    "name": "mine",
    "url": "https://receiver.example/hook?x=1",
    "event_types": ["response.completed", "response.failed"],
}


def made(owner: Asker, **changes: object) -> dict[str, Any]:
    """Return a new endpoint, with its secret."""
    answer = owner.ask("POST", PATH, BODY | changes)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    endpoint: dict[str, Any] = answer.get_json()
    return endpoint


def without_secret(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in endpoint.items() if key != "signing_secret"}


def error(answer: Any, status: int) -> dict[str, Any]:
    """Return the error that an answer of this status has."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    fault: dict[str, Any] = answer.get_json()["error"]
    return fault


def test_an_endpoint_has_the_sdks_shape_and_shows_its_secret_once(owner: Asker) -> None:
    endpoint = made(owner)
    assert SECRET_ENDPOINT.validate(endpoint) == {}
    WebhookEndpointWithSecret.model_validate(endpoint, strict=True)
    assert endpoint["signing_secret"].startswith("whsec_")
    shown = owner.ask("GET", f"{PATH}/{endpoint['id']}").get_json()
    assert WEBHOOK_ENDPOINT.validate(shown) == {}
    WebhookEndpoint.model_validate(shown, strict=True)
    assert shown == without_secret(endpoint)
    assert {key: shown[key] for key in BODY} == BODY


def test_the_list_is_newest_first_a_page_at_a_time(owner: Asker) -> None:
    ids = [made(owner, name=str(number))["id"] for number in range(3)][::-1]
    page = owner.ask("GET", f"{PATH}?limit=2").get_json()
    assert WEBHOOK_ENDPOINTS.validate(page) == {}
    WebhookEndpointList.model_validate(page, strict=True)
    assert [each["id"] for each in page["data"]] == ids[:2]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[1], True)
    rest = owner.ask("GET", f"{PATH}?after={ids[1]}").get_json()
    assert [each["id"] for each in rest["data"]] == ids[2:]
    assert rest["has_more"] is False


def test_a_page_begins_after_a_deleted_endpoint_but_after_nothing_else(owner: Asker) -> None:
    ids = [made(owner, name=str(number))["id"] for number in range(3)][::-1]
    owner.ask("DELETE", f"{PATH}/{ids[1]}")
    rest = owner.ask("GET", f"{PATH}?after={ids[1]}").get_json()
    assert [each["id"] for each in rest["data"]] == ids[2:]
    for after in ("x", "~", "resp_1", ids[0][:-1], ids[0].upper(), f"{ids[0]}%0A"):
        answer = owner.ask("GET", f"{PATH}?after={after}")
        error = answer.get_json()["error"]
        assert answer.status_code == 400, after
        assert (error["param"], error["code"]) == ("after", "invalid_value")


def test_an_empty_list_has_no_ids(owner: Asker) -> None:
    assert owner.ask("GET", PATH).get_json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_what_is_left_out_of_an_update_stays(owner: Asker) -> None:
    endpoint = made(owner)
    answer = owner.ask("POST", f"{PATH}/{endpoint['id']}", {"name": "another"})
    changed = answer.get_json()
    assert changed | {"updated_at": 0} == without_secret(endpoint) | {
        "name": "another",
        "updated_at": 0,
    }
    assert owner.ask("GET", f"{PATH}/{endpoint['id']}").get_json() == changed


def test_a_deleted_endpoint_is_unknown(owner: Asker) -> None:
    path = f"{PATH}/{made(owner)['id']}"
    gone = owner.ask("DELETE", path).get_json()
    DeletedWebhookEndpoint.model_validate(gone, strict=True)
    assert gone["object"] == "webhook_endpoint.deleted"
    for method in ("GET", "DELETE"):
        fault = error(owner.ask(method, path), 404)
        assert (fault["code"], fault["param"]) == (
            "webhook_endpoint_not_found",
            "webhook_endpoint_id",
        )


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "", None),
        ("POST", "", {"name": "stolen"}),
        ("DELETE", "", None),
        ("POST", "/rotate_secret", {}),
        ("POST", "/test", {"event_type": "response.completed"}),
    ],
)
def test_another_accounts_endpoint_is_an_unknown_one(
    owner: Asker, stranger: Asker, method: str, rest: str, body: object
) -> None:
    path = f"{PATH}/{made(owner)['id']}"
    foreign = error(stranger.ask(method, path + rest, body), 404)
    unknown = error(stranger.ask(method, f"{PATH}/whe_0{rest}", body), 404)
    assert foreign["code"] == unknown["code"] == "webhook_endpoint_not_found"
    assert owner.ask("GET", path).get_json()["name"] == "mine"
    assert stranger.ask("GET", PATH).get_json()["data"] == []


def test_the_101st_endpoint_is_refused_until_one_is_deleted(owner: Asker, stranger: Asker) -> None:
    ids = [made(owner, name=str(number))["id"] for number in range(100)]
    fault = error(owner.ask("POST", PATH, BODY), 400)
    assert "100 webhook endpoints" in fault["message"]
    assert "delete one" in fault["message"]
    made(stranger)  # it is a bound of each account
    owner.ask("DELETE", f"{PATH}/{ids[50]}")
    made(owner)


def test_a_rotated_secret_is_a_new_one(owner: Asker) -> None:
    endpoint = made(owner)
    body = {"keep_old_secret_active_for_24_hours": True}
    rotated = owner.ask("POST", f"{PATH}/{endpoint['id']}/rotate_secret", body).get_json()
    WebhookEndpointWithSecret.model_validate(rotated, strict=True)
    assert rotated["signing_secret"] != endpoint["signing_secret"]
    assert rotated["signing_secret_hint"] != endpoint["signing_secret_hint"]


def test_a_secret_is_rotated_without_a_body_too(owner: Asker) -> None:
    path = f"{PATH}/{made(owner)['id']}/rotate_secret"
    answer = owner.client.post(path, headers={"Authorization": f"Bearer {owner.secret}"})
    assert answer.status_code == 200


def test_the_types_of_events_are_those_of_responses(owner: Asker) -> None:
    found = owner.ask("GET", "/v1/webhook_event_types").get_json()
    WebhookEventTypeList.model_validate(found, strict=True)
    assert found == {"object": "list", "data": list(EVENT_TYPES)}


@pytest.mark.parametrize(
    ("changes", "param", "code", "word"),
    [
        ({"name": None}, "name", "missing_required_parameter", "required"),
        ({"name": ""}, "name", "invalid_value", "empty"),
        ({"name": "x" * 257}, "name", "invalid_value", "256"),
        ({"url": None}, "url", "missing_required_parameter", "required"),
        ({"url": 5}, "url", "invalid_type", "string"),
        ({"url": "http://receiver.example/"}, "url", "invalid_value", "https://"),
        ({"url": "ftp://receiver.example/"}, "url", "invalid_value", "https://"),
        ({"url": "https://"}, "url", "invalid_value", "host"),
        ({"url": "https://:443/"}, "url", "invalid_value", "host"),
        ({"url": "https:receiver.example/"}, "url", "invalid_value", "host"),
        ({"url": "https://a:99999/"}, "url", "invalid_value", "not a URL"),
        ({"url": "https://receiver.example:0/"}, "url", "invalid_value", "port 0"),
        ({"url": "https://@receiver.example/"}, "url", "invalid_value", "password"),
        ({"url": "https://receiver.example/#"}, "url", "invalid_value", "fragment"),
        ({"url": "https://a..example/"}, "url", "invalid_value", "host"),
        ({"url": "https://-a.example/"}, "url", "invalid_value", "host"),
        ({"url": "https://a%2e.example/"}, "url", "invalid_value", "host"),
        ({"url": "https://a<b.example/"}, "url", "invalid_value", "host"),
        ({"url": "https://" + "a" * 64 + ".example/"}, "url", "invalid_value", "host"),
        ({"url": "https://" + "a." * 130 + "example/"}, "url", "invalid_value", "host"),
        ({"url": "https://2130706433/"}, "url", "invalid_value", "host"),
        ({"url": "https://127.1/"}, "url", "invalid_value", "host"),
        ({"url": "https://0x7f.0.0.0x1/"}, "url", "invalid_value", "host"),
        ({"url": "https://256.256.256.256/"}, "url", "invalid_value", "host"),
        ({"url": "https://[::1/"}, "url", "invalid_value", "not a URL"),
        ({"url": "https://u:p@receiver.example/"}, "url", "invalid_value", "password"),
        ({"url": "https://receiver.example/#x"}, "url", "invalid_value", "fragment"),
        ({"url": "https://receiver.example/a b"}, "url", "invalid_value", "characters"),
        ({"url": "https://receiver.example/\r\nx:y"}, "url", "invalid_value", "characters"),
        ({"url": "https://b\u00fccher.example/"}, "url", "invalid_value", "punycode"),
        ({"url": "https://127.0.0.1/"}, "url", "invalid_value", "public"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "invalid_value", "public"),
        ({"url": "https://169.254.169.254/"}, "url", "invalid_value", "public"),
        ({"url": "https://localhost/"}, "url", "invalid_value", "public"),
        ({"url": "https://a.localhost/"}, "url", "invalid_value", "public"),
        ({"url": "https://" + "x" * 2048}, "url", "invalid_value", "2048"),
        ({"event_types": None}, "event_types", "missing_required_parameter", "required"),
        ({"event_types": []}, "event_types", "invalid_value", "empty"),
        ({"event_types": "response.failed"}, "event_types", "invalid_type", "array"),
        ({"event_types": [5]}, "event_types[0]", "invalid_type", "string"),
        (
            {"event_types": ["response.failed", "batch.completed"]},
            "event_types[1]",
            "invalid_value",
            "response.completed",
        ),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_said(
    owner: Asker, changes: dict[str, object], param: str, code: str, word: str
) -> None:
    endpoint = made(owner)
    fault = error(owner.ask("POST", PATH, BODY | changes), 400)
    assert (fault["param"], fault["code"]) == (param, code)
    assert word in fault["message"]
    if code != "missing_required_parameter":
        path = f"{PATH}/{endpoint['id']}"
        assert error(owner.ask("POST", path, changes), 400)["param"] == param
        assert owner.ask("GET", path).get_json() == without_secret(endpoint)


def test_what_nobody_knows_is_named(owner: Asker) -> None:
    answer = owner.ask("POST", PATH, BODY | {"color": "red"})
    assert answer.headers["X-Ignored-Parameters"] == "color"
    listed = owner.ask("GET", f"{PATH}?order=asc")
    assert listed.headers["X-Ignored-Parameters"] == "?order"


def test_a_key_that_may_only_read_changes_no_endpoint(app: Flask, owner: Asker) -> None:
    reader = asker(app, "owner", Permissions(read_only=True))
    path = f"{PATH}/{made(owner)['id']}"
    sample = {"event_type": "response.completed"}
    assert reader.ask("GET", path).status_code == 200
    assert reader.ask("GET", PATH).status_code == 200
    for method, at, body in (
        ("POST", PATH, BODY),
        ("POST", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate_secret", {}),
        ("POST", f"{path}/test", sample),
    ):
        assert error(reader.ask(method, at, body), 403)["type"] == "permission_denied_error"


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example",
        "https://RECEIVER.example.:8443/a?b=%20c",
        "https://xn--bcher-kva.example/",
        "https://a_b.example/",
        "https://9.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:8443/",
    ],
)
def test_what_can_be_reached_is_taken_as_it_is(owner: Asker, url: str) -> None:
    assert owner.ask("POST", PATH, BODY | {"url": url}).get_json()["url"] == url
