"""GET /v1/usage."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.api.endpoints.usage import bp
from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import Attribution
from app.domain.response import Usage
from app.settings import Settings, UsageSettings
from tests.cli.operating import Operator

NEW_YEAR_2030 = 1_893_456_000.0


class House:
    """A gateway whose account acme was used on the first day of 2030, by another key."""

    def __init__(self) -> None:
        operator = Operator(settings=Settings(usage=UsageSettings(metadata_keys=("team",))))
        if bp.name not in operator.app.blueprints:
            operator.app.register_blueprint(bp)
        operator.clock.now = NEW_YEAR_2030
        used = Usage(input_tokens=10, output_tokens=20)
        for account in ("acme", "other"):
            caller = Caller(account=account, key_id="key_old")
            operator.book.record(caller, "gpt", used, failed=False, microusd=7)
        _, self.secret = operator.accounts.create_key("acme", by="ops")
        self.book = operator.book
        self.client: FlaskClient = operator.app.test_client()

    def get(self, query: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.client.get(f"/v1/usage{query}", headers=headers)


@pytest.fixture
def house() -> House:
    return House()


def test_an_account_sees_what_all_its_keys_used_and_nothing_else(house: House) -> None:
    counted = {
        "requests": 1,
        "input_tokens": 10,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 20,
        "reasoning_tokens": 0,
        "errors": 0,
        "cost_microusd": 7,
        "unpriced_requests": 0,
    }
    assert house.get().json == {
        "object": "list",
        "from": "2029-12-03",
        "to": "2030-01-01",
        "data": [{"date": "2030-01-01", "key_id": "key_old", "model": "gpt", **counted}],
        "total": counted,
    }


def test_a_cost_that_nobody_knows_is_null_and_no_0(house: House) -> None:
    caller = Caller(account="acme", key_id="key_old")
    for model in ("house", "house", "gpt"):
        house.book.record(caller, model, Usage(1, 1), failed=False)
    shown = house.get().json
    assert [(line["cost_microusd"], line["unpriced_requests"]) for line in shown["data"]] == [
        (7, 1),
        (None, 2),
    ]
    assert (shown["total"]["cost_microusd"], shown["total"]["unpriced_requests"]) == (7, 3)


def test_no_use_costs_nothing(house: House) -> None:
    total = house.get("?from=2029-01-01&to=2029-12-31").json["total"]
    assert (total["cost_microusd"], total["unpriced_requests"]) == (0, 0)


def by(house: House, query: str) -> list[dict[str, Any]]:
    """Return the rows without their counters, but for the requests."""
    rows = house.get(query).json["data"]
    names = {"date", "key_id", "model", "user", "metadata", "requests"}
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def test_use_is_counted_apart_by_what_is_named_and_shows_nothing_else(house: House) -> None:
    caller = Caller(account="acme", key_id="key_old")
    for user, team in (("bob", "a"), ("bob", "b"), ("ann", "a")):
        to = Attribution(user, (("team", team),))
        house.book.record(caller, "gpt", Usage(1, 1), failed=False, attribution=to)
    assert by(house, "?group_by=user") == [
        {"user": None, "requests": 1},
        {"user": "ann", "requests": 1},
        {"user": "bob", "requests": 2},
    ]
    assert by(house, "?group_by=metadata.team,model") == [
        {"model": "gpt", "metadata": {"team": None}, "requests": 1},
        {"model": "gpt", "metadata": {"team": "a"}, "requests": 2},
        {"model": "gpt", "metadata": {"team": "b"}, "requests": 1},
    ]
    assert by(house, "?group_by=day") == [{"date": "2030-01-01", "requests": 4}]
    assert house.get("?group_by=user").json["total"] == house.get().json["total"]


@pytest.mark.parametrize(
    "query",
    [
        "?group_by=day&group_by=model",
        "?group_by[]=day&group_by[]=model",
        "?group_by%5B%5D=day,model",
    ],
)
def test_groups_may_be_repeated_as_clients_write_lists(house: House, query: str) -> None:
    assert by(house, query) == [{"date": "2030-01-01", "model": "gpt", "requests": 1}]


@pytest.mark.parametrize("query", ["?group_by=", "?group_by=days", "?group_by=metadata.secret"])
def test_an_unknown_group_is_refused(house: House, query: str) -> None:
    answer = house.get(query)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "group_by")


def test_instants_stand_for_their_days(house: House) -> None:
    shown = house.get("?from=2029-12-31T23:30:00-01:00&to=2030-01-02T00:00:00Z").json
    assert (shown["from"], shown["to"], len(shown["data"])) == ("2030-01-01", "2030-01-01", 1)


def test_days_can_be_chosen(house: House) -> None:
    shown = house.get("?from=2029-01-01&to=2029-12-31").json
    assert (shown["from"], shown["to"], shown["data"]) == ("2029-01-01", "2029-12-31", [])


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?from=yesterday", "from"),
        ("?to=2030-02-30", "to"),
        ("?to=2030-01-01T12:00:00", "to"),
        ("?from=2030-01-02&to=2030-01-01", "from"),
        ("?from=2020-01-01", "from"),
        ("?to=0001-01-01", "to"),
    ],
)
def test_days_that_make_no_sense_are_refused(house: House, query: str, param: str) -> None:
    answer = house.get(query)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)


def test_usage_needs_a_key(house: House) -> None:
    assert house.client.get("/v1/usage").status_code == 401
