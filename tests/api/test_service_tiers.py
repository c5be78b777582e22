"""The tier of an answer is the one that served it, not the one that was requested in vain (R10)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import responses
from flask import Flask

from app.factory import create_app
from tests.api.conftest import Asker, asker
from tests.api.vendors import VENDOR, WHOLE, settings, upstream

__all__ = ["upstream"]

FLEX = {"model": "local/echo", "input": "Hi", "service_tier": "flex"}


def test_a_tier_that_no_server_was_sent_is_the_default(owner: Asker) -> None:
    answer = owner.ask("POST", "/v1/responses", FLEX)
    response = answer.get_json()
    assert answer.headers["X-Ignored-Parameters"] == "service_tier"
    assert response["service_tier"] == "default"
    stored = owner.ask("GET", f"/v1/responses/{response['id']}").get_json()
    assert stored["service_tier"] == "default"


def test_a_stream_begins_with_the_requested_tier_and_ends_with_that_which_served(
    owner: Asker,
) -> None:
    answer = owner.ask("POST", "/v1/responses", FLEX | {"stream": True})
    events = _events(answer.get_data())
    tiers = [event["response"]["service_tier"] for event in events if "response" in event]
    assert tiers == ["flex", "flex", "default"]
    path = f"/v1/responses/{events[0]['response']['id']}?stream=true"
    assert owner.ask("GET", path).get_data() == answer.get_data()


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({}, "default"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": None}, "default"),
    ],
)
def test_what_the_server_reports_comes_first(
    redis_url: str,
    app: Flask,
    upstream: responses.RequestsMock,
    reported: dict[str, Any],
    expected: str,
) -> None:
    upstream.post(VENDOR + "/responses", json=WHOLE | reported)
    caller = asker(create_app(settings(redis_url)), "owner")
    response = caller.ask("POST", "/v1/responses", FLEX | {"model": "own"}).get_json()
    assert response["service_tier"] == expected


def test_a_tier_that_was_sent_stays_where_the_server_reports_none(
    redis_url: str, app: Flask, upstream: responses.RequestsMock
) -> None:
    upstream.post(VENDOR + "/responses", json=WHOLE)
    caller = asker(create_app(settings(redis_url, forward=("service_tier",))), "owner")
    response = caller.ask("POST", "/v1/responses", FLEX | {"model": "own"}).get_json()
    assert response["service_tier"] == "flex"


def _events(body: bytes) -> list[dict[str, Any]]:
    lines = body.decode().splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    return [orjson.loads(each) for each in data]
