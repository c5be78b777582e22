"""The `requests` commands, on a gateway with a real Redis."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from app.api import context
from app.cli.requests import requests
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.api.conftest import Asker, asker
from tests.cli.operating import Operator

_prefixes = (f"desk{number}:" for number in count())


class Desk(Operator):
    """An operator of a gateway whose requests are logged in a real Redis."""

    def __init__(self, redis_url: str) -> None:
        self.app = create_app(
            Settings(
                providers=(ProviderSettings(name="local", api="local"),),
                redis=RedisSettings(url=redis_url, prefix=next(_prefixes)),
                log_level="CRITICAL",
            )
        )

    def listed(self, *args: str) -> list[dict[str, Any]]:
        """Return what `requests list` prints for programs."""
        with self.app.app_context():
            context.services().meter.book.flush()
        return [json.loads(line) for line in self.reads(requests, "list", "--json", *args).split()]


@pytest.fixture
def desk(redis_url: str) -> Desk:
    return Desk(redis_url)


@pytest.fixture
def owner(desk: Desk) -> Asker:
    return asker(desk.app, "owner")


def test_a_request_is_shown_by_its_id_and_by_its_responses(desk: Desk, owner: Asker) -> None:
    response_id = owner.create(input="my-secret-prompt")
    (listed,) = desk.listed()
    for name in ("same", response_id, listed["trace_id"]):
        shown = json.loads(desk.reads(requests, "show", name, "--json"))
        assert shown == listed
    wanted = {
        "event": "request",
        "request_id": "same",
        "response_id": response_id,
        "account": "owner",
        "method": "POST",
        "endpoint": "/v1/responses",
        "status": 200,
        "outcome": "completed",
        "model": "local/echo",
        "provider": "local",
        "attempts": 1,
        "error_code": None,
        "cost_microusd": None,
    }
    assert {name: listed[name] for name in wanted} == wanted
    assert listed["input_tokens"] > 0
    assert listed["timestamp"].endswith("Z")
    assert "my-secret-prompt" not in str(listed)


def test_it_is_shown_for_people_without_what_is_not_known(desk: Desk, owner: Asker) -> None:
    owner.create()
    desk.listed()
    shown = dict(line.split(None, 1) for line in desk.reads(requests, "show", "same").splitlines())
    assert (shown["request_id"], shown["status"]) == ("same", "200")
    assert "error_code" not in shown


def test_a_model_named_by_a_caller_neither_steers_the_terminal_nor_ends_its_line(
    desk: Desk, owner: Asker
) -> None:
    model = "none/\x1b[2J\x9b31m\u202e\nstatus\t200"
    owner.ask("POST", "/v1/responses", {"model": model, "input": "Hi"})
    (listed,) = desk.listed()
    assert listed["model"] == model
    for words in (("list", "--json"), ("show", "same", "--json"), ("list",)):
        assert desk.reads(requests, *words).replace("\n", "").isprintable()
    shown = desk.reads(requests, "show", "same").splitlines()
    assert all(map(str.isprintable, shown))
    assert len([line for line in shown if line.startswith("status")]) == 1


def test_a_request_that_is_not_there_is_one_line_on_stderr(desk: Desk) -> None:
    result = desk.runs(requests, "show", "req_unknown")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "req_unknown" in result.stderr


def test_requests_are_listed_newest_first_and_no_more_than_wanted(desk: Desk, owner: Asker) -> None:
    ids = [owner.create() for _ in range(3)]
    assert [each["response_id"] for each in desk.listed()] == ids[::-1]
    assert [each["response_id"] for each in desk.listed("--limit", "1")] == ids[-1:]


def test_requests_are_listed_by_account_and_status(desk: Desk, owner: Asker) -> None:
    owner.create()
    stranger = asker(desk.app, "stranger")
    assert stranger.ask("GET", "/v1/responses/resp_unknown").status_code == 404
    assert [each["account"] for each in desk.listed("--account", "stranger")] == ["stranger"]
    assert [each["error_code"] for each in desk.listed("--status", "4XX")] == ["response_not_found"]
    assert [each["account"] for each in desk.listed("--status", "completed")] == ["owner"]


def test_what_was_done_to_a_response_is_found_by_its_id(desk: Desk, owner: Asker) -> None:
    response_id = owner.create(background=True)
    assert owner.ask("POST", f"/v1/responses/{response_id}/cancel").status_code == 200
    assert owner.ask("DELETE", f"/v1/responses/{response_id}").status_code == 200
    desk.listed()
    shown = desk.reads(requests, "show", response_id, "--json").splitlines()
    done = [(each["event"], each["method"], each["status"]) for each in map(json.loads, shown)]
    assert sorted(done, key=str) == [
        ("job", None, None),
        ("request", "DELETE", 200),
        ("request", "POST", 200),
        ("request", "POST", 202),
    ]


def test_requests_are_listed_by_when_they_ended(desk: Desk, owner: Asker) -> None:
    owner.create()
    assert len(desk.listed("--since", "1h")) == 1
    assert len(desk.listed("--since", "2020-01-31")) == 1
    assert desk.listed("--since", "2100-01-31") == []


def test_the_list_is_a_table(desk: Desk, owner: Asker) -> None:
    owner.create()
    desk.listed()
    titles, row = desk.reads(requests, "list").splitlines()
    assert titles.split()[:3] == ["TIME", "REQUEST", "STATUS"]
    assert row.split()[1:3] == ["same", "200"]


@pytest.mark.parametrize(
    "args", [("--status", "700"), ("--status", "odd"), ("--since", "soon"), ("--limit", "0")]
)
def test_what_cannot_be_meant_is_refused(desk: Desk, args: tuple[str, str]) -> None:
    result = desk.runs(requests, "list", *args)
    assert result.exit_code == 2
    assert args[0] in result.stderr


def test_an_unknown_account_is_an_error(desk: Desk) -> None:
    result = desk.runs(requests, "list", "--account", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nobody" in result.stderr
