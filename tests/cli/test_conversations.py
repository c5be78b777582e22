"""The `conversations` commands, on a real Redis."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from app.cli.conversations import conversations
from app.cli.responses import responses
from tests.api.conftest import app as app
from tests.api.conftest import asker
from tests.api.test_encryption import KeyHolder
from tests.cli.operating import Operator

#: What a terminal takes for a command although JSON does not escape it, and what it shows.
STEERING = "\x9b31m \u202e \U000e0041 \x1b[31m é \U0001f600"


class House(Operator):
    """A gateway in this process, whose account acme has one conversation."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.acme = asker(app, "acme")
        body = {"metadata": {"team": "red"}, "items": [{"role": "user", "content": "one"}]}
        self.id = str(self.acme.ask("POST", "/v1/conversations", body).get_json()["id"])
        self.acme.create(input="two", conversation=self.id)


@pytest.fixture
def house(app: Flask) -> House:
    return House(app)


def test_the_list_has_each_conversation_and_no_plain_thread(house: House) -> None:
    house.acme.create(input="by itself")
    output = house.reads(conversations, "list", "--account", "acme", "--json")
    (found,) = map(json.loads, output.splitlines())
    assert (found["id"], found["metadata"]) == (house.id, {"team": "red"})


def test_a_conversation_is_shown_with_all_of_its_items(house: House) -> None:
    house.acme.create(input=[{"role": "user", "content": "x"}] * 150, conversation=house.id)
    shown = json.loads(house.reads(conversations, "show", house.id))
    texts = [item["content"][0]["text"] for item in shown["items"]]
    assert texts[:2] == ["one", "two"]
    assert texts.count("x") == 151  # the last is the echo
    exported = house.reads(conversations, "export", house.id).splitlines()
    assert list(map(json.loads, exported)) == shown["items"]


def test_nothing_that_a_caller_wrote_steers_the_terminal(house: House) -> None:
    body = {"metadata": {"team": STEERING}, "items": [{"role": "user", "content": STEERING}]}
    made = house.acme.ask("POST", "/v1/conversations", body).get_json()["id"]
    listed = ["list", "--account", "acme"]
    for words in (listed, [*listed, "--json"], ["show", made], ["show", made, "--json"]):
        output = house.reads(conversations, *words)
        assert output.replace("\n", "").isprintable(), output
    shown = json.loads(house.reads(conversations, "show", made))
    assert shown["metadata"]["team"] == shown["items"][0]["content"][0]["text"] == STEERING
    exported = house.reads(conversations, "export", made)
    assert exported.replace("\n", "").isprintable()
    assert list(map(json.loads, exported.splitlines())) == shown["items"]


def test_a_deleted_conversation_is_unknown_to_its_account(house: House) -> None:
    assert house.reads(conversations, "delete", house.id).strip() == f"{house.id} deleted"
    assert house.acme.ask("GET", f"/v1/conversations/{house.id}").status_code == 404
    assert house.reads(conversations, "list", "--account", "acme", "--json") == ""


def test_an_encrypted_conversation_is_listed_and_deleted_but_not_read(house: House) -> None:
    body = {"metadata": {"team": "blue"}, "items": [{"role": "user", "content": "secret"}]}
    made = KeyHolder(house.acme).ask("POST", "/v1/conversations", body).get_json()["id"]
    listed = house.reads(conversations, "list", "--account", "acme", "--json").splitlines()
    assert {each["id"]: each.get("encrypted") for each in map(json.loads, listed)} == {
        house.id: None,
        made: True,
    }
    rows = house.reads(conversations, "list", "--account", "acme").splitlines()
    assert [row.split()[-1] for row in rows if made in row] == ["(encrypted)"]
    shown = house.reads_json(conversations, "show", made)
    assert (shown["id"], shown["encrypted"], "items" in shown) == (made, True, False)
    refused = house.runs(conversations, "export", made)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{made} is encrypted with its caller's key" in refused.stderr
    assert house.reads(conversations, "delete", made).strip() == f"{made} deleted"


def test_an_encrypted_response_is_listed_with_its_time(house: House) -> None:
    made = KeyHolder(house.acme).ask("POST", "/v1/responses", {"model": "local/echo", "input": "a"})
    at, which = made.get_json()["created_at"], ("--account", "acme", "--json", "--since", "1h")
    listed = map(json.loads, house.reads(responses, "list", *which).splitlines())
    assert {each["id"]: each["created_at"] for each in listed}[made.get_json()["id"]] == at
