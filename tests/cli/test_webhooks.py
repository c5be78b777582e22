"""The `webhooks` commands, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import time
from typing import Any

import click
import pytest
from flask import Flask

from app.api import context
from app.cli.accounts import audit
from app.cli.responses import responses
from app.cli.webhooks import webhooks
from app.domain.webhooks.deliveries import AttemptEntry
from app.domain.webhooks.endpoints import EVENT_TYPES
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings, WebhookSettings
from app.store.webhooks.base import WebhookStore
from tests.api.conftest import PREFIX, asker
from tests.api.conftest import app as app
from tests.cli.operating import Operator
from tests.webhook_receiver import Receiver, receiving

URL = "https://receiver.example/hook"


class House(Operator):
    """A gateway in this process, whose account acme has an endpoint."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.acme = asker(app, "acme")
        self.made = self.create()
        self.id = str(self.made["id"])

    def create(self, *words: str) -> dict[str, Any]:
        given = ("--account", "acme", "--name", "mine", "--url", URL, *words, "--json")
        made: dict[str, Any] = json.loads(self.reads(webhooks, "create", *given))
        return made

    def fails(self, command: click.Command, *words: str) -> str:
        """Return what a command that fails says on stderr."""
        result = self.runs(command, *words)
        assert result.exit_code in (1, 2), result.output
        return result.stderr

    def listed(self, *words: str) -> list[dict[str, Any]]:
        output = self.reads(webhooks, "list", "--account", "acme", "--json", *words)
        return list(map(json.loads, output.splitlines()))

    def endpoint(self) -> dict[str, Any]:
        """Return what the account itself sees."""
        shown: dict[str, Any] = self.acme.ask("GET", f"/v1/webhook_endpoints/{self.id}").get_json()
        return shown

    def store(self) -> WebhookStore:
        with self.app.app_context():
            return context.services().webhooks._store

    def attempted(self, response_id: str, **changes: Any) -> None:
        """Have an attempt be in the delivery log."""
        fields: dict[str, Any] = {
            "at": time(),
            "event_id": "evt_1",
            "type": "response.completed",
            "response_id": response_id,
            "attempt": 2,
            "outcome": "retried",
            "status": 503,
            "error": None,
            "duration_ms": 7,
            "next_at": time() + 60,
        }
        endpoint = self.store().endpoint("acme", self.id)
        assert endpoint is not None
        self.store().log(endpoint, AttemptEntry(**fields | changes))


@pytest.fixture
def house(app: Flask) -> House:
    return House(app)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_an_endpoint_is_made_with_its_secret_and_is_the_accounts(house: House) -> None:
    assert house.made["signing_secret"].startswith("whsec_")
    shown = {key: value for key, value in house.made.items() if key != "signing_secret"}
    assert house.endpoint() == shown
    assert shown["event_types"] == list(EVENT_TYPES)
    lines = house.reads(audit, "export").splitlines()
    assert [json.loads(line)["action"] for line in lines][-1] == "webhook.create"


def test_for_people_the_secret_is_a_line(house: House) -> None:
    words = ("--account", "acme", "--name", "b", "--url", URL, "--events", "response.failed")
    output = house.reads(webhooks, "create", *words)
    assert "secret    whsec_" in output


def test_the_list_shows_no_secret_and_how_many_events_wait(house: House) -> None:
    second = house.create("--events", "response.failed,response.cancelled")
    found = house.listed()
    assert [each["id"] for each in found] == [second["id"], house.id]
    assert [each["waiting"] for each in found] == [0, 0]
    assert found[0]["event_types"] == ["response.failed", "response.cancelled"]
    assert "signing_secret" not in found[0]
    assert [each["id"] for each in house.listed("--limit", "1")] == [second["id"]]
    assert house.listed("--since", "2100-01-01") == []
    assert house.id in house.reads(webhooks, "list", "--account", "acme")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--account", "nobody", "--name", "x", "--url", URL), "Account 'nobody' not found."),
        (("--account", "acme", "--name", "x", "--url", "http://a.example/"), "https://"),
        (("--account", "acme", "--name", "", "--url", URL), "'name' must not be empty."),
        (("--account", "acme", "--name", "x", "--url", URL, "--events", "all"), "'all' is not one"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    house: House, words: tuple[str, ...], message: str
) -> None:
    assert message in house.fails(webhooks, "create", *words)
    assert len(house.listed()) == 1


def test_without_a_terminal_a_deletion_wants_a_word_that_the_command_has(house: House) -> None:
    refused = house.fails(webhooks, "delete", house.id)
    assert "give --yes to do it." in refused
    assert "--dry-run" not in refused  # which it has not


def test_one_that_is_deleted_is_gone(house: House) -> None:
    assert "--yes" in house.fails(webhooks, "delete", house.id)
    assert house.reads(webhooks, "delete", house.id, "--yes").strip() == f"{house.id} deleted"
    assert house.listed() == []


@pytest.mark.parametrize("command", ["delete", "rotate", "test", "deliveries"])
def test_an_unknown_id_is_said(house: House, command: str) -> None:
    assert "'whe_0' not found" in house.fails(webhooks, command, "whe_0")


def test_a_rotated_secret_is_shown(house: House) -> None:
    rotated = json.loads(house.reads(webhooks, "rotate", house.id, "--keep-old", "--json"))
    assert rotated["signing_secret"] != house.made["signing_secret"]
    endpoint = house.store().endpoint("acme", house.id)
    assert endpoint is not None
    assert endpoint.old_sealed_secret is not None
    house.reads(webhooks, "rotate", house.id)
    endpoint = house.store().endpoint("acme", house.id)
    assert endpoint is not None
    assert endpoint.old_sealed_secret is None


def test_an_endpoint_is_tried(redis_url: str, house: House, receiver: Receiver) -> None:
    house.app = create_app(
        Settings(
            providers=(ProviderSettings(name="local", api="local"),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            webhooks=WebhookSettings(allow_private_addresses=True),
            log_level="CRITICAL",
        )
    )
    made = house.create("--url", receiver.url + "/ok")
    output = house.reads(webhooks, "test", made["id"], "--event", "response.failed", "--json")
    assert (json.loads(output)["status_code"], json.loads(output)["success"]) == (200, True)
    (got,) = receiver.received
    assert got.unwrapped(made["signing_secret"]).type == "response.failed"
    assert "answered 200" in house.reads(webhooks, "test", made["id"])
    lines = house.reads(webhooks, "deliveries", made["id"], "--json").splitlines()
    assert [json.loads(line)["attempt"] for line in lines] == [0, 0]
    assert json.loads(lines[1])["event_id"] == got.headers["webhook-id"]


def test_one_that_does_not_answer_is_said(house: House) -> None:
    unresolved = house.create("--url", "https://receiver.invalid/")
    assert "The endpoint" in house.fails(webhooks, "test", unresolved["id"])


def test_deliveries_are_shown_newest_first(house: House) -> None:
    house.attempted("resp_old", at=time() - 7200)
    house.attempted("resp_new", status=None, error="timeout", outcome="failed", next_at=None)
    lines = house.reads(webhooks, "deliveries", house.id, "--json").splitlines()
    found = list(map(json.loads, lines))
    assert [each["response_id"] for each in found] == ["resp_new", "resp_old"]
    assert (found[0]["error"], found[0]["next_at"]) == ("timeout", None)
    recent = house.reads(webhooks, "deliveries", house.id, "--json", "--since", "1h")
    assert [json.loads(line)["response_id"] for line in recent.splitlines()] == ["resp_new"]
    table = house.reads(webhooks, "deliveries", house.id, "--limit", "1").splitlines()
    assert len(table) == 2
    assert "timeout" in table[1]


def test_a_purge_takes_what_was_delivered_of_a_response(house: House) -> None:
    gone, kept = house.acme.create(input="a"), house.acme.create(input="b")
    for response_id in (gone, kept):
        house.attempted(response_id)
    house.acme.ask("DELETE", f"/v1/responses/{gone}")
    house.reads(responses, "purge", "--deleted-before", "2100-01-01", "--yes")
    output = house.reads(webhooks, "deliveries", house.id, "--json")
    assert [json.loads(line)["response_id"] for line in output.splitlines()] == [kept]
    house.reads(responses, "purge", "--account", "acme", "--yes")
    assert house.reads(webhooks, "deliveries", house.id, "--json") == ""
    assert [each["id"] for each in house.listed()] == [house.id]
