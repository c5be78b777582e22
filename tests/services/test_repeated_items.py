"""What a request sends again of its context, and ids that it gives twice (E6, S4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.hosted.item import HostedItem
from app.domain.items import (
    InputItem,
    InputText,
    Item,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from tests.services.test_history import PARENT, OneParent, begun, request

THOUGHT = Reasoning("rs_1", ("Hm.",), (), "sealed")
ANSWER = Message(
    "msg_2",
    "assistant",
    (OutputText("b", ({"type": "url_citation"},), ({"token": "b"},)), Refusal("no")),
    phase="final_answer",
)


def user(text: str, item_id: str = "") -> Message:
    return Message(item_id, "user", (InputText(text),))


STORE = OneParent(before=(user("a", "msg_1"),), output=(THOUGHT, ANSWER))


def items(*given: InputItem) -> tuple[Item, ...]:
    return begun(STORE, request(*given)).items


@pytest.mark.parametrize(
    "sent_again",
    [
        THOUGHT,
        replace(THOUGHT, encrypted_content=None),
        ANSWER,
        replace(ANSWER, status="incomplete", phase=None),
        replace(ANSWER, content=(OutputText("b"), Refusal("no"))),
        user("a", "msg_1"),
    ],
)
def test_what_the_context_has_under_its_id_is_not_added_again(sent_again: Item) -> None:
    assert items(sent_again, user("c", "msg_3")) == (
        user("a", "msg_1"),
        THOUGHT,
        ANSWER,
        user("c", "msg_3"),
    )


@pytest.mark.parametrize(
    "another",
    [
        replace(THOUGHT, summary=("Another thought.",)),
        replace(ANSWER, content=(OutputText("changed"),)),
        replace(ANSWER, role="user", content=(InputText("b"), InputText("no"))),
        user("A", "msg_1"),
    ],
)
def test_another_item_under_an_id_of_the_context_gets_one_of_its_own(
    another: Message | Reasoning,
) -> None:
    *before, added = items(another)
    assert before == [user("a", "msg_1"), THOUGHT, ANSWER]
    assert replace(added, id=another.id) == another
    assert added.id != another.id
    assert added.id.startswith(another.prefix + "_")


@pytest.mark.parametrize(
    "sent_before", [(), (user("a", "msg_1"), THOUGHT, ANSWER), (user("new", "msg_9"),)]
)
def test_what_the_user_says_last_is_said_anew_though_its_id_and_words_are_known(
    sent_before: tuple[Item, ...],
) -> None:
    *before, added = items(*sent_before, user("a", "msg_1"))
    assert before[:3] == [user("a", "msg_1"), THOUGHT, ANSWER]
    assert replace(added, id="msg_1") == user("a", "msg_1")
    assert (added.id.startswith("msg_"), added.id != "msg_1") == (True, True)


def test_what_the_user_said_last_and_nobody_answered_is_there_once() -> None:
    store = OneParent(before=(user("x", "msg_0"), user("a", "msg_1")))
    assert begun(store, request(user("x", "msg_0"), user("a", "msg_1"))).items == store.before
    assert begun(store, request(user("a", "msg_1"))).items == store.before


def test_a_history_that_ends_with_the_answer_says_nothing_anew() -> None:
    assert items(user("a", "msg_1"), ANSWER) == (user("a", "msg_1"), THOUGHT, ANSWER)


@pytest.mark.parametrize("parent", [PARENT, None])
def test_an_id_that_an_input_gives_twice_stays_with_the_first(parent: str | None) -> None:
    given = user("x", "msg_same"), user("x", "msg_same")
    first, second = begun(STORE, request(*given, parent=parent)).own
    assert first == user("x", "msg_same")
    assert (second.id.startswith("msg_"), second.id != "msg_same") == (True, True)


def test_a_hosted_item_keeps_the_id_that_its_server_knows_it_by() -> None:
    searches = [HostedItem("ws_1", {"type": "web_search_call", "id": "ws_1"})] * 2
    _, second = begun(STORE, request(*searches, parent=None)).items
    assert second.id != "ws_1"
    assert second.id.endswith("_ws_1")


def test_an_item_that_is_referenced_twice_is_there_once() -> None:
    store = replace(STORE, beside=(user("kept", "msg_9"),))
    twice = (ItemReference("msg_9"), ItemReference("msg_9"))
    assert begun(store, request(*twice, parent=None)).items == (user("kept", "msg_9"),)
    assert begun(store, request(*twice)).own == (user("kept", "msg_9"),)
