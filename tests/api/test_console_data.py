"""/console/api: what the console's page reads (N24)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.api import context
from app.domain.accounts.accounts import Permissions
from app.factory import create_app
from app.schemas.console import answers
from app.schemas.document import Document
from app.settings import RedisSettings, Settings, WebSettings
from tests.api.conftest import PREFIX, Asker, asker
from tests.api.test_encryption import KEY_A, KeyHolder
from tests.ids import new_id, new_tag
from tests.processes import free_port

READS = "/console/api"
LISTS = ("responses", "conversations", "requests", "jobs")
PATHS = (*LISTS, "session", "responses/{}/tree", "conversations/{}/tree")


def read(caller: Asker, path: str, **query: object) -> Any:
    """Return the JSON of a read, once it is what its schema declares."""
    given = urlencode({name: str(value) for name, value in query.items()})
    answer = caller.ask("GET", f"{READS}/{path}?{given}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    assert SCHEMAS[path.rpartition("/")[2]].validate(body) == {}
    return body


SCHEMAS: dict[str, Document] = {
    "responses": answers.RESPONSE_PAGE,
    "conversations": answers.CONVERSATION_PAGE,
    "requests": answers.REQUEST_PAGE,
    "jobs": answers.JOB_LIST,
    "session": answers.SESSION,
    "tree": answers.TREE,
}


def ids(caller: Asker, path: str, **query: object) -> list[str]:
    return [row["id"] for row in read(caller, path, **query)["data"]]


def conversation(caller: Asker, **body: object) -> str:
    return str(caller.ask("POST", "/v1/conversations", body).get_json()["id"])


def test_a_response_is_listed_as_it_was_made(owner: Asker) -> None:
    conv = conversation(owner)
    made = owner.create(input="Say  hi", metadata={"team": "a"}, conversation=conv)
    page = read(owner, "responses")
    (row,) = page["data"]
    shown = owner.ask("GET", f"/v1/responses/{made}").get_json()
    assert row == {
        "object": "console.response",
        "id": made,
        "created_at": shown["created_at"],
        "status": "completed",
        "model": "local/echo",
        "previous_response_id": None,
        "conversation": conv,
        "background": False,
        "encrypted": False,
        "metadata": {"team": "a"},
        "input_text": "Say hi",
        "output_text": " ".join(shown["output_text"].split()),
        "input_tokens": shown["usage"]["input_tokens"],
        "output_tokens": shown["usage"]["output_tokens"],
        "error_code": None,
    }
    assert {name: page[name] for name in ("object", "next", "examined", "truncated")} == {
        "object": "list",
        "next": None,
        "examined": 1,
        "truncated": False,
    }


def test_a_list_goes_on_where_its_page_ended(owner: Asker) -> None:
    made = {owner.create(input=str(number)) for number in range(5)}
    seen, page = list[str](), read(owner, "responses", limit=2)
    while True:
        seen += [row["id"] for row in page["data"]]
        if page["next"] is None:
            break
        page = read(owner, "responses", limit=2, after=page["next"])
    assert (set(seen), len(seen)) == (made, 5)


ODD = ("team", "a b+c&d=e", "%5B", "ü\u2028\"'", "]x[", "<script>")


def test_responses_are_found_by_metadata_whatever_characters_it_has(owner: Asker) -> None:
    for key in ODD:
        made = owner.create(metadata={key: key})
        assert ids(owner, "responses", **{f"metadata[{key}]": key}) == [made]
        assert ids(owner, "responses", **{f"metadata[{key}]": f"{key}."}) == []


def test_conversations_are_found_by_metadata(owner: Asker) -> None:
    wanted, _ = conversation(owner, metadata={"team": "a"}), conversation(owner)
    assert ids(owner, "conversations", **{"metadata[team]": "a"}) == [wanted]
    (row,) = read(owner, "conversations", **{"metadata[team]": "a"})["data"]
    shown = owner.ask("GET", f"/v1/conversations/{wanted}").get_json()
    assert row == shown | {"encrypted": False}


def test_responses_are_found_by_status_and_time(owner: Asker) -> None:
    ended, waiting = owner.create(), owner.create(background=True)
    assert ids(owner, "responses", status="queued,in_progress") == [waiting]
    assert ids(owner, "responses", status="completed") == [ended]
    at = owner.ask("GET", f"/v1/responses/{ended}").get_json()["created_at"]
    assert ids(owner, "responses", created_after=at + 3600) == []
    assert ids(owner, "responses", created_before=at) == []
    for day in ("2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00+02:00"):
        assert set(ids(owner, "responses", created_after=day)) == {ended, waiting}


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        *(("responses", "limit", each) for each in ("0", "101", "many", "1" * 30)),
        *(("responses", name, "noon") for name in ("created_after", "created_before")),
        ("conversations", "created_after", "2026-13-01"),
        ("requests", "created_before", "2026-01-01T00:00:00"),
        ("responses", "status", "done"),
        ("requests", "status", "600"),
        *((path, "after", "resp_1") for path in ("responses", "conversations", "requests")),
        ("requests", "id", "x" * 257),
    ],
)
def test_a_value_that_cannot_be_read_is_named(
    owner: Asker, path: str, name: str, value: str
) -> None:
    answer = owner.ask("GET", f"{READS}/{path}?{urlencode({name: value})}")
    error = answer.get_json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (
        400,
        "invalid_request_error",
        name,
    )
    assert value not in error["message"] or len(value) < 5


@pytest.mark.parametrize(
    "query",
    [
        [("metadata[]", "x")],
        [("metadata[" + "k" * 65 + "]", "x")],
        [("metadata[k]", "v" * 513)],
        [("metadata[k]", "1"), ("metadata[k]", "2")],
        [(f"metadata[{number}]", "x") for number in range(17)],
    ],
)
def test_metadata_that_no_response_can_have_is_refused(
    owner: Asker, query: list[tuple[str, str]]
) -> None:
    answer = owner.ask("GET", f"{READS}/responses?{urlencode(query)}")
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, "metadata")


def test_a_conversation_is_drawn_with_its_forks(owner: Asker) -> None:
    root = owner.create(input="root")
    left = owner.create(input="left", previous_response_id=root)
    right = owner.create(input="right", previous_response_id=root)
    owner.ask("DELETE", f"/v1/responses/{root}")
    tree = read(owner, f"responses/{left}/tree")
    assert {name: tree[name] for name in ("object", "id", "conversation", "truncated")} == {
        "object": "console.tree",
        "id": left,
        "conversation": None,
        "truncated": False,
    }
    nodes = {node["id"]: node for node in tree["nodes"]}
    assert {name: node["parent"] for name, node in nodes.items()} == {
        root: None,
        left: root,
        right: root,
    }
    assert (nodes[root]["deleted"], nodes[root]["input_text"]) == (True, None)
    assert (nodes[right]["status"], nodes[right]["input_text"]) == ("completed", "right")
    assert owner.ask("GET", f"{READS}/responses/{root}/tree").status_code == 404


def test_a_conversation_with_an_id_is_drawn_with_its_items(owner: Asker) -> None:
    conv = conversation(owner, items=[{"role": "user", "content": "given"}])
    made = owner.create(input="one", conversation=conv)
    tree = read(owner, f"conversations/{conv}/tree")
    assert tree["conversation"] == conv
    assert [(node["type"], node["input_text"]) for node in tree["nodes"]] == [
        ("items", "given"),
        ("response", "one"),
    ]
    assert tree["nodes"][1]["parent"] == tree["nodes"][0]["id"]
    assert read(owner, f"responses/{made}/tree")["nodes"] == tree["nodes"]


def test_what_waits_is_listed_and_what_was_cancelled_is_not(owner: Asker) -> None:
    first, second = owner.create(background=True, input="later"), owner.create(background=True)
    rows = read(owner, "jobs")["data"]
    assert [(row["id"], row["state"], row["queue_position"]) for row in rows] == [
        (first, "waiting", 1),
        (second, "waiting", 2),
    ]
    assert rows[0]["input_text"] == "later"
    owner.ask("POST", f"/v1/responses/{first}/cancel")
    assert ids(owner, "jobs") == [second]


def test_requests_are_found_by_what_they_are_called(app: Flask, owner: Asker) -> None:
    made = owner.create()
    owner.ask("GET", "/v1/responses/resp_unknown")
    with app.app_context():
        context.services().meter.book.flush()
    rows = read(owner, "requests")["data"]
    assert [(row["endpoint"], row["status"]) for row in rows] == [
        ("/v1/responses/<response_id>", 404),
        ("/v1/responses", 200),
    ]
    assert "account" not in rows[0]
    assert read(owner, "requests", id=made)["data"] == rows[1:]
    assert read(owner, "requests", id="same")["data"] == rows  # as the test calls them
    assert read(owner, "requests", status="4xx")["data"] == rows[:1]
    assert read(owner, "requests", id="nobody")["data"] == []


def test_the_session_says_who_looks_and_what_they_may(app: Flask) -> None:
    permissions = Permissions(read_only=True, background=False, force_no_store=True)
    session = read(asker(app, "owner", permissions), "session")
    assert session.pop("key_id").startswith("key_")
    assert session == {
        "object": "console.session",
        "account": "owner",
        "read_only": True,
        "background": False,
        "store": False,
        "usage_metadata_keys": [],
        "request_log": True,
    }


def test_a_key_that_may_only_read_reads_it_all(app: Flask, owner: Asker) -> None:
    made = owner.create()
    reader = asker(app, "owner", Permissions(read_only=True))
    assert ids(reader, "responses") == [made]
    assert read(reader, f"responses/{made}/tree")["nodes"]


def test_another_account_sees_nothing_of_it(app: Flask, owner: Asker, stranger: Asker) -> None:
    made, conv = owner.create(background=True), conversation(owner)
    owner.create(conversation=conv)
    with app.app_context():
        context.services().meter.book.flush()
    assert [ids(stranger, path) for path in LISTS] == [[], [], [], []]
    for path, foreign, unknown in (
        ("responses", made, new_id("resp", new_tag())),
        ("conversations", conv, new_id("conv", new_tag())),
    ):
        theirs = stranger.ask("GET", f"{READS}/{path}/{foreign}/tree")
        nobodys = stranger.ask("GET", f"{READS}/{path}/{unknown}/tree")
        api = stranger.ask("GET", f"/v1/{path}/{foreign}")
        assert theirs.get_data(as_text=True) == api.get_data(as_text=True)
        assert seen(theirs, foreign) == seen(nobodys, unknown)


def seen(answer: TestResponse, any_id: str) -> tuple[int, str]:
    return answer.status_code, answer.get_data(as_text=True).replace(any_id, "ID")


@pytest.mark.parametrize(
    ("path", "code"), [("responses/x/tree", "invalid_response_id"), ("conversations/x/tree", None)]
)
def test_a_malformed_id_is_that(owner: Asker, path: str, code: str | None) -> None:
    answer = owner.ask("GET", f"{READS}/{path}")
    assert answer.status_code == 400
    assert code is None or answer.get_json()["error"]["code"] == code


def test_what_is_encrypted_shows_with_its_key_alone(app: Flask, owner: Asker) -> None:
    holder = KeyHolder(owner)
    made = holder.create()
    waiting = holder.create(background=True)
    assert ids(owner, "responses") == ids(owner, "jobs") == []
    assert owner.ask("GET", f"{READS}/responses/{made}/tree").status_code == 404
    rows = holder.ask("GET", f"{READS}/responses").get_json()["data"]
    assert {row["id"] for row in rows} == {made, waiting}
    assert all(row["encrypted"] and "markerword" in row["input_text"] for row in rows)
    tree = holder.ask("GET", f"{READS}/responses/{made}/tree").get_json()
    assert [node["id"] for node in tree["nodes"]] == [made]
    with app.app_context():
        context.services().meter.book.flush()
    rows = read(owner, "requests", status="2xx")["data"]
    assert [row["response_id"] for row in rows] == [None, None]
    assert read(owner, "requests", id=made)["data"] == []
    (row,) = holder.ask("GET", f"{READS}/requests?id={made}").get_json()["data"]
    assert row["response_id"] == made
    both = {"x-encryption-passphrase": "long enough"}
    assert holder.ask("GET", f"{READS}/responses", **both).status_code == 400
    assert holder.key == KEY_A


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_read_without_a_key(app: Flask, path: str) -> None:
    answer = app.test_client().get(f"{READS}/{path.format('resp_1')}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (
        401,
        "authentication_required",
    )
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_read_where_the_console_is_off(redis_url: str, path: str) -> None:
    redis_settings = RedisSettings(url=redis_url, prefix=PREFIX)
    app = create_app(Settings(redis=redis_settings, web=WebSettings(console=False)))
    answer = asker(app, "owner").ask("GET", f"{READS}/{path.format('resp_1')}")
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize("path", [each for each in PATHS if each != "session"])
def test_without_redis_it_is_unavailable(app: Flask, owner: Asker, path: str) -> None:
    owner.create()  # so that the key is known here
    with app.app_context():
        reads = context.services().console
    dead = create_app(Settings(redis=RedisSettings(url=f"redis://127.0.0.1:{free_port()}/0")))
    with dead.app_context():
        away = context.services().console
    for name in ("_listings", "_request_log", "_deliver"):
        setattr(reads, name, getattr(away, name))
    any_id = new_id("conv" if "conversations" in path else "resp", new_tag())
    answer = owner.ask("GET", f"{READS}/{path.format(any_id)}")
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (503, "server_error")


def test_a_read_is_not_in_the_openapi_document(owner: Asker) -> None:
    paths = owner.ask("GET", "/openapi.json").get_json()["paths"]
    assert not [path for path in paths if path.startswith("/console")]
