"""Another account's id is an unknown id: the same status, body and headers, at every endpoint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Asker
from tests.ids import new_id, new_tag

Ask = Callable[[Asker, str], TestResponse]


def get(path: str) -> Ask:
    return lambda asker, response_id: asker.ask("GET", path.format(response_id))


def create(body: Callable[[str], dict[str, object]]) -> Ask:
    return lambda asker, answer_id: asker.ask(
        "POST", "/v1/responses", {"model": "local/echo", "input": "Hi", **body(answer_id)}
    )


ASKED: dict[str, Ask] = {
    "fetch": get("/v1/responses/{}"),
    "fetch with include": get("/v1/responses/{}?include[]=reasoning.encrypted_content"),
    "wait": get("/v1/responses/{}?wait=1"),
    "follow": get("/v1/responses/{}?stream=true"),
    "follow from the middle": get("/v1/responses/{}?stream=true&starting_after=1"),
    "input items": get("/v1/responses/{}/input_items"),
    "delete": lambda asker, answer_id: asker.ask("DELETE", f"/v1/responses/{answer_id}"),
    "cancel": lambda asker, answer_id: asker.ask("POST", f"/v1/responses/{answer_id}/cancel"),
    "continue": create(lambda answer_id: {"previous_response_id": answer_id}),
    "continue, streamed": create(
        lambda answer_id: {"previous_response_id": answer_id, "stream": True}
    ),
    "continue, in the background": create(
        lambda answer_id: {"previous_response_id": answer_id, "background": True}
    ),
    "continue, unstored": create(
        lambda answer_id: {"previous_response_id": answer_id, "store": False}
    ),
}


def seen(answer: TestResponse, answer_id: str) -> tuple[int, str, dict[str, str]]:
    """Return all that a caller sees, the id that it sent left out."""
    headers = {name: value for name, value in answer.headers.items() if name != "Server-Timing"}
    return answer.status_code, answer.get_data(as_text=True).replace(answer_id, "ID"), headers


@pytest.mark.parametrize("background", [False, True], ids=["stored", "queued"])
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_another_accounts_response_is_an_unknown_one(
    owner: Asker, stranger: Asker, ask: Ask, background: bool
) -> None:
    foreign, unknown = owner.create(background=background), new_id("resp", new_tag())
    assert seen(ask(stranger, foreign), foreign) == seen(ask(stranger, unknown), unknown)
    assert owner.ask("GET", f"/v1/responses/{foreign}").status_code == 200


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_a_deleted_response_is_an_unknown_one(owner: Asker, ask: Ask) -> None:
    deleted, unknown = owner.create(), new_id("resp", new_tag())
    owner.ask("DELETE", f"/v1/responses/{deleted}")
    assert seen(ask(owner, deleted), deleted) == seen(ask(owner, unknown), unknown)


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_an_unstored_response_is_an_unknown_one(owner: Asker, ask: Ask) -> None:
    unstored, unknown = owner.create(store=False), new_id("resp", new_tag())
    assert seen(ask(owner, unstored), unstored) == seen(ask(owner, unknown), unknown)


def refer(asker: Asker, item_id: str) -> TestResponse:
    items = [{"type": "item_reference", "id": item_id}, {"role": "user", "content": "Hi"}]
    return asker.ask("POST", "/v1/responses", {"model": "local/echo", "input": items})


@pytest.mark.parametrize("given_id", ["", "msg_made_by_the_client"], ids=["minted", "client's"])
def test_another_accounts_item_is_an_unknown_one(
    owner: Asker, stranger: Asker, given_id: str
) -> None:
    message = {"type": "message", "role": "user", "content": "secret"}
    response_id = owner.create(input=[message | ({"id": given_id} if given_id else {})])
    listed = owner.ask("GET", f"/v1/responses/{response_id}/input_items").get_json()
    foreign = listed["data"][0]["id"]
    unknown = foreign[:-1] + ("0" if foreign[-1] != "0" else "1")
    assert seen(refer(stranger, foreign), foreign) == seen(refer(stranger, unknown), unknown)
    assert refer(owner, foreign).status_code == 200


def test_a_page_cannot_begin_at_another_accounts_item(owner: Asker, stranger: Asker) -> None:
    response_id, own = owner.create(), stranger.create()
    listed = owner.ask("GET", f"/v1/responses/{response_id}/input_items").get_json()
    foreign, unknown = listed["data"][0]["id"], "msg_" + new_tag() + "0" * 42
    path = f"/v1/responses/{own}/input_items?after="
    there = stranger.ask("GET", path + foreign)
    nowhere = stranger.ask("GET", path + unknown)
    assert seen(there, foreign) == seen(nowhere, unknown)


def test_usage_is_the_callers_own(owner: Asker, stranger: Asker) -> None:
    owner.create()
    assert stranger.ask("GET", "/v1/usage").get_json()["data"] == []
    assert len(owner.ask("GET", "/v1/usage").get_json()["data"]) == 1
