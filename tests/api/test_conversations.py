"""/v1/conversations, and responses that are made in one (C1, C2, N11)."""

from __future__ import annotations

import json
from typing import Any

from openai.types.conversations import Message

from app.schemas.request.bounds import LONGEST_TEXT
from tests.api.conftest import Asker
from tests.hosted_items import ITEMS

CONVERSATIONS = "/v1/conversations"


def begun(caller: Asker, **body: object) -> str:
    made = caller.ask("POST", CONVERSATIONS, body)
    assert made.status_code == 200, made.get_data(as_text=True)
    return str(made.get_json()["id"])


def items_of(caller: Asker, conversation: str, query: str = "order=asc&limit=100") -> list[Any]:
    listed = caller.ask("GET", f"{CONVERSATIONS}/{conversation}/items?{query}")
    assert listed.status_code == 200, listed.get_data(as_text=True)
    return list(listed.get_json()["data"])


def texts_of(items: list[Any]) -> list[str]:
    return [part["text"] for item in items for part in item["content"]]


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_new_conversation_shows_its_metadata_and_no_items(owner: Asker) -> None:
    made = owner.ask("POST", CONVERSATIONS, {"metadata": {"team": "red"}}).get_json()
    assert made["object"] == "conversation"
    assert made["metadata"] == {"team": "red"}
    assert owner.ask("GET", f"{CONVERSATIONS}/{made['id']}").get_json() == made
    assert items_of(owner, made["id"]) == []


def test_a_conversation_is_begun_with_nothing(owner: Asker) -> None:
    made = owner.ask("POST", CONVERSATIONS)
    assert (made.status_code, made.get_json()["metadata"]) == (200, {})


def test_messages_are_listed_as_openais_client_declares_them(owner: Asker) -> None:
    roles = ("user", "assistant", "system", "developer")
    conversation = begun(owner, items=[{"role": role, "content": "x"} for role in roles])
    owner.create(input="two", conversation=conversation)
    for item in items_of(owner, conversation):
        message = Message.model_validate_json(json.dumps(item), strict=True)
        assert message.status == "completed"


def test_a_response_goes_on_with_a_conversation_and_adds_its_turn(owner: Asker) -> None:
    conversation = begun(owner, items=[said("one")])
    answer = owner.ask(
        "POST",
        "/v1/responses",
        {"model": "local/echo", "input": "two", "conversation": {"id": conversation}},
    ).get_json()
    assert answer["conversation"] == {"id": conversation}
    assert texts_of(items_of(owner, conversation))[:2] == ["one", "two"]
    assert len(items_of(owner, conversation)) == 3
    seen = owner.ask("GET", f"/v1/responses/{answer['id']}/input_items?order=asc").get_json()
    assert texts_of(seen["data"]) == ["one", "two"]


def test_the_next_response_sees_what_the_one_before_it_has_answered(owner: Asker) -> None:
    conversation = begun(owner)
    first = owner.create(input="one", conversation=conversation)
    second = owner.create(input="two", conversation=conversation)
    seen = owner.ask("GET", f"/v1/responses/{second}/input_items?order=asc").get_json()["data"]
    answer = owner.ask("GET", f"/v1/responses/{first}").get_json()["output_text"]
    assert texts_of(seen) == ["one", answer, "two"]


def test_a_conversation_may_be_all_that_there_is_to_answer(owner: Asker) -> None:
    conversation = begun(owner, items=[said("one")])
    owner.create(input=None, conversation=conversation)
    assert texts_of(items_of(owner, conversation))[0] == "one"
    nothing = {"model": "local/echo", "input": [], "conversation": begun(owner)}
    refused = owner.ask("POST", "/v1/responses", nothing)
    error = refused.get_json()["error"]
    assert (refused.status_code, error["param"], error["code"]) == (400, "input", "invalid_value")
    counted = owner.ask("POST", "/v1/responses/input_tokens", nothing)
    assert counted.get_json()["input_tokens"] == 0


def test_a_response_that_continues_another_is_not_of_its_conversation(owner: Asker) -> None:
    conversation = begun(owner)
    first = owner.create(input="one", conversation=conversation)
    fork = owner.create(input="aside", previous_response_id=first)
    owner.create(input="aside of aside", previous_response_id=fork)
    assert "aside" not in texts_of(items_of(owner, conversation))
    owner.create(input="two", conversation=conversation)
    third = owner.create(input="three", previous_response_id=fork)
    seen = owner.ask("GET", f"/v1/responses/{third}/input_items?order=asc").get_json()["data"]
    assert [each for each in texts_of(seen) if " " not in each.strip()][:1] == ["one"]
    assert "two" not in texts_of(seen)


def test_a_response_that_is_not_stored_leaves_its_items(owner: Asker) -> None:
    conversation = begun(owner)
    body = {"model": "local/echo", "input": "one", "conversation": conversation, "store": False}
    answer = owner.ask("POST", "/v1/responses", body).get_json()
    assert owner.ask("GET", f"/v1/responses/{answer['id']}").status_code == 404
    listed = items_of(owner, conversation)
    assert texts_of(listed) == ["one", answer["output_text"]]
    found = owner.ask("GET", f"{CONVERSATIONS}/{conversation}/items/{listed[0]['id']}")
    assert found.get_json() == listed[0]


def test_a_streamed_response_adds_its_turn_before_its_last_event(owner: Asker) -> None:
    conversation = begun(owner)
    body = {"model": "local/echo", "input": "one", "conversation": conversation, "stream": True}
    streamed = owner.ask("POST", "/v1/responses", body)
    for chunk in streamed.iter_encoded():
        if b"response.completed" in chunk:
            assert len(items_of(owner, conversation)) == 2


def test_a_removed_item_is_not_shown_to_later_responses(owner: Asker) -> None:
    conversation = begun(owner, items=[said("one"), said("two")])
    before = owner.create(input="three", conversation=conversation)
    removed, kept = items_of(owner, conversation)[:2]
    path = f"{CONVERSATIONS}/{conversation}/items/{removed['id']}"
    assert owner.ask("DELETE", path).get_json()["id"] == conversation
    assert owner.ask("GET", path).get_json()["error"]["code"] == "item_not_found"
    assert owner.ask("DELETE", path).status_code == 404
    assert items_of(owner, conversation)[0] == kept
    after = owner.create(input="four", conversation=conversation)
    for response_id, first in ((before, "one"), (after, "two")):
        seen = owner.ask("GET", f"/v1/responses/{response_id}/input_items?order=asc").get_json()
        assert texts_of(seen["data"])[0] == first


def test_items_are_listed_page_by_page_over_turns_and_what_came_alone(owner: Asker) -> None:
    conversation = begun(owner, items=[said("a"), said("b")])
    owner.create(input="c", conversation=conversation)
    added = {"items": [said("d"), said("e"), said("f")]}
    owner.ask("POST", f"{CONVERSATIONS}/{conversation}/items", added)
    owner.create(input="g", conversation=conversation)
    whole = items_of(owner, conversation)
    for order in ("asc", "desc"):
        pages, after = list[Any](), ""
        while True:
            query = f"order={order}&limit=2{after}"
            page = owner.ask("GET", f"{CONVERSATIONS}/{conversation}/items?{query}").get_json()
            pages += page["data"]
            if not page["has_more"]:
                break
            after = f"&after={page['last_id']}"
        assert pages == (whole if order == "asc" else whole[::-1])


def test_added_items_are_answered_as_a_list(owner: Asker) -> None:
    conversation = begun(owner)
    path = f"{CONVERSATIONS}/{conversation}/items"
    added = owner.ask("POST", path, {"items": [said("a"), said("b")]}).get_json()
    assert added == owner.ask("GET", f"{path}?order=asc").get_json()


def test_an_added_item_gets_an_id_of_its_own(owner: Asker) -> None:
    conversation = begun(owner)
    path = f"{CONVERSATIONS}/{conversation}/items"
    for _ in range(2):
        owner.ask("POST", path, {"items": [said("a") | {"id": "msg_mine"}]})
    ids = {item["id"] for item in items_of(owner, conversation)}
    assert len(ids) == 2
    assert "msg_mine" not in ids


def test_an_item_that_came_alone_can_be_referenced(owner: Asker) -> None:
    conversation = begun(owner, items=[said("one")])
    (item,) = items_of(owner, conversation)
    response_id = owner.create(input=[{"type": "item_reference", "id": item["id"]}])
    seen = owner.ask("GET", f"/v1/responses/{response_id}/input_items").get_json()["data"]
    assert texts_of(seen) == ["one"]


def test_metadata_is_replaced_as_a_whole(owner: Asker) -> None:
    conversation = begun(owner, metadata={"a": "1", "b": "2"})
    path = f"{CONVERSATIONS}/{conversation}"
    changed = owner.ask("POST", path, {"metadata": {"c": "3"}}).get_json()
    assert changed["metadata"] == {"c": "3"}
    assert owner.ask("GET", path).get_json() == changed


def test_responses_stay_when_their_conversation_is_deleted(owner: Asker) -> None:
    conversation = begun(owner, items=[said("one")])
    response_id = owner.create(input="two", conversation=conversation)
    path = f"{CONVERSATIONS}/{conversation}"
    gone = owner.ask("DELETE", path).get_json()
    assert gone == {"id": conversation, "object": "conversation.deleted", "deleted": True}
    for method, at in (("GET", path), ("DELETE", path), ("GET", f"{path}/items")):
        answer = owner.ask(method, at)
        assert answer.status_code == 404
        error = answer.get_json()["error"]
        assert (error["code"], error["param"]) == ("conversation_not_found", "conversation_id")
    refused = owner.ask(
        "POST", "/v1/responses", {"model": "local/echo", "input": "x", "conversation": conversation}
    )
    assert refused.status_code == 404
    assert refused.get_json()["error"]["param"] == "conversation"
    later = owner.create(input="three", previous_response_id=response_id)
    seen = owner.ask("GET", f"/v1/responses/{later}/input_items?order=asc").get_json()["data"]
    assert texts_of(seen)[:2] == ["one", "two"]


def test_another_accounts_conversation_is_an_unknown_one(owner: Asker, stranger: Asker) -> None:
    conversation = begun(owner, items=[said("secret")])
    (item,) = items_of(owner, conversation)
    path = f"{CONVERSATIONS}/{conversation}"
    asked: list[tuple[str, str, object]] = [
        ("GET", path, None),
        ("POST", path, {"metadata": {}}),
        ("DELETE", path, None),
        ("GET", f"{path}/items", None),
        ("POST", f"{path}/items", {"items": [said("x")]}),
        ("GET", f"{path}/items/{item['id']}", None),
        ("DELETE", f"{path}/items/{item['id']}", None),
        (
            "POST",
            "/v1/responses",
            {"model": "local/echo", "input": "x", "conversation": conversation},
        ),
    ]
    for method, at, body in asked:
        answer = stranger.ask(method, at, body)
        assert answer.status_code == 404, at
        assert answer.get_json()["error"]["code"] == "conversation_not_found"
    assert items_of(owner, conversation) == [item]


def test_faults_of_requests_name_their_field(owner: Asker) -> None:
    conversation = begun(owner)
    path, create = f"{CONVERSATIONS}/{conversation}", {"model": "local/echo", "input": "x"}
    parent = owner.create()
    refused: list[tuple[str, str, object, str, str]] = [
        ("POST", CONVERSATIONS, {"items": [said("x")] * 21}, "array_above_max_length", "items"),
        ("POST", CONVERSATIONS, {"items": "x"}, "invalid_type", "items"),
        ("POST", CONVERSATIONS, {"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
        ("POST", path, {}, "missing_required_parameter", "metadata"),
        ("POST", f"{path}/items", {}, "missing_required_parameter", "items"),
        ("GET", f"{CONVERSATIONS}/resp_x", None, "invalid_value", "conversation_id"),
        ("GET", f"{path}/items?after=msg_x", None, "invalid_value", "after"),
        ("POST", "/v1/responses", create | {"conversation": "x"}, "invalid_value", "conversation"),
        (
            "POST",
            "/v1/responses",
            create | {"conversation": {"id": 5}},
            "invalid_type",
            "conversation.id",
        ),
        (
            "POST",
            "/v1/responses",
            create | {"conversation": conversation, "previous_response_id": parent},
            "invalid_value",
            "conversation",
        ),
    ]
    for method, at, body, code, param in refused:
        answer = owner.ask(method, at, body)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, code, param), at


def test_a_request_that_makes_no_response_adds_nothing(owner: Asker) -> None:
    conversation = begun(owner)
    body = {"model": "nowhere/none", "input": "x", "conversation": conversation}
    assert owner.ask("POST", "/v1/responses", body).status_code == 404
    assert items_of(owner, conversation) == []


def test_what_hosted_tools_did_is_kept_under_ids_that_still_name_each_other(owner: Asker) -> None:
    conversation = begun(owner, items=[said("Hi"), *ITEMS])
    listed = items_of(owner, conversation)[1:]
    named = {"id", "approval_request_id"}
    kept, given = (
        [{key: each[key] for key in each.keys() - named} for each in items]
        for items in (listed, ITEMS)
    )
    assert kept == given
    request, response, call = (
        next(each for each in listed if each["type"] == kind)
        for kind in ("mcp_approval_request", "mcp_approval_response", "mcp_call")
    )
    assert response["approval_request_id"] == call["approval_request_id"] == request["id"]
    body = {"model": "local/echo", "input": "Go on.", "conversation": conversation}
    assert owner.ask("POST", "/v1/responses", body).status_code == 200


def test_an_item_as_long_as_items_may_be_is_kept_listed_and_seen(owner: Asker) -> None:
    text = "ten million characters " * 455_902 + "and 14 of them"
    assert len(text) == LONGEST_TEXT
    conversation = begun(owner, items=[said(text), said("short")])
    first, second = items_of(owner, conversation)
    assert first["content"][0]["text"] == text
    alone = owner.ask("GET", f"{CONVERSATIONS}/{conversation}/items/{first['id']}")
    assert alone.get_json() == first
    answer = owner.create(input="two", conversation=conversation)
    seen = owner.ask("GET", f"/v1/responses/{answer}/input_items?order=asc").get_json()["data"]
    assert texts_of(seen) == [text, "short", "two"]
    added = owner.ask("POST", f"{CONVERSATIONS}/{conversation}/items", {"items": [said(text)]})
    assert added.status_code == 200
    page = items_of(owner, conversation, f"order=asc&limit=1&after={second['id']}")
    assert texts_of(page) == ["two"]
    assert (
        owner.ask("DELETE", f"{CONVERSATIONS}/{conversation}/items/{first['id']}").status_code
        == 200
    )
    assert len(items_of(owner, conversation)) == 4


def test_a_longer_item_is_refused_and_nothing_of_it_is_kept(owner: Asker) -> None:
    conversation = begun(owner)
    path, items = (
        f"{CONVERSATIONS}/{conversation}/items",
        [said("short"), said("x" * (LONGEST_TEXT + 1))],
    )
    for where, body in ((path, {"items": items}), (CONVERSATIONS, {"items": items})):
        refused = owner.ask("POST", where, body)
        assert refused.status_code == 400
        assert refused.get_json()["error"]["param"] == "items[1].content"
    assert items_of(owner, conversation) == []
