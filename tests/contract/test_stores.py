"""What every store of responses does, whatever it keeps them in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest

from app.domain.items import InputText, Item, Message
from app.domain.response import TERMINAL, Status
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Turn
from app.errors import InvalidRequest, NotFound
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.tools import FUNCTION_TOOL
from app.store.responses.base import ResponseStore
from tests.store.turns import (
    ACCOUNT,
    STRANGER,
    chain,
    continued,
    first_id,
    left_by,
    next_id,
    question,
    rich,
    saved,
    text_of,
    turn,
)

ENDINGS = sorted(TERMINAL)


@pytest.mark.parametrize("status", ENDINGS)
def test_a_saved_turn_comes_back_as_it_was(store: ResponseStore, status: Status) -> None:
    kept = rich(status)
    store.save(kept)
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_a_saved_response_is_shown_to_the_byte_as_it_was(store: ResponseStore) -> None:
    kept = rich()
    store.save(kept)
    found = store.get(ACCOUNT, kept.response.id).response
    assert repr(RESPONSE.dump(found)) == repr(RESPONSE.dump(kept.response))


def test_where_a_stream_was_cut_is_kept_beside_its_response(store: ResponseStore) -> None:
    streamed, whole = replace(turn(), cuts=b"\x93\x00\xff cuts"), turn()
    for each in (streamed, whole):
        store.save(each)
    assert store.stream_cuts(ACCOUNT, streamed.response.id) == streamed.cuts
    assert store.stream_cuts(ACCOUNT, whole.response.id) == b""
    for account, response_id in ((STRANGER, streamed.response.id), (ACCOUNT, first_id())):
        with pytest.raises(NotFound):
            store.stream_cuts(account, response_id)
    store.delete(ACCOUNT, streamed.response.id)
    with pytest.raises(NotFound):
        store.stream_cuts(ACCOUNT, streamed.response.id)


def test_turns_that_were_asked_with_the_same_tools_all_have_them(store: ResponseStore) -> None:
    shown = rich().response.echo
    turns = [saved(store, echo=shown)]
    for _ in range(30):
        turns.append(continued(store, turns[-1], echo=shown))
    assert [store.get(ACCOUNT, each.response.id) for each in turns] == turns
    tools = tuple(map(FUNCTION_TOOL.load, shown["tools"]))
    assert store.context(ACCOUNT, turns[-1].response.id).tools == tools


def test_turns_that_were_asked_with_different_tools_have_their_own(store: ResponseStore) -> None:
    first = saved(store)
    second = continued(store, first, echo=rich().response.echo)
    third = continued(store, second)
    turns = [first, second, third]
    assert [store.get(ACCOUNT, each.response.id) for each in turns] == turns


def test_a_turn_comes_back_with_its_parent(store: ResponseStore) -> None:
    _, second, third = chain(store, 3)
    fork = continued(store, second, "fork")
    assert [store.get(ACCOUNT, each.response.id) for each in (third, fork)] == [third, fork]


@pytest.mark.parametrize(
    "unknown", [first_id(), "resp_1", "resp_" + "x" * 123], ids=["well-made", "short", "long"]
)
def test_an_unknown_response_is_not_found(store: ResponseStore, unknown: str) -> None:
    with pytest.raises(NotFound, match=unknown):
        store.get(ACCOUNT, unknown)


def test_an_unknown_response_of_a_known_conversation_is_not_found(store: ResponseStore) -> None:
    with pytest.raises(NotFound):
        store.get(ACCOUNT, next_id(saved(store).response.id))


Reader = Callable[[ResponseStore, str, str], object]
READERS: dict[str, Reader] = {
    "get": lambda store, account, response_id: store.get(account, response_id),
    "context": lambda store, account, response_id: store.context(account, response_id),
    "delete": lambda store, account, response_id: store.delete(account, response_id),
    "input_items": lambda store, account, response_id: store.input_items(
        account, response_id, PageQuery(order="asc", limit=5)
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_foreign_response_is_an_unknown_one(store: ResponseStore, reader: str) -> None:
    response_id = saved(store).response.id
    with pytest.raises(NotFound) as foreign:
        READERS[reader](store, STRANGER, response_id)
    assert (foreign.value.code, foreign.value.param, foreign.value.message) == (
        "response_not_found",
        "response_id",
        f"Response with id '{response_id}' not found.",
    )


@pytest.mark.parametrize("reader", READERS)
def test_a_deleted_response_is_an_unknown_one(store: ResponseStore, reader: str) -> None:
    response_id = saved(store).response.id
    store.delete(ACCOUNT, response_id)
    with pytest.raises(NotFound, match=response_id):
        READERS[reader](store, ACCOUNT, response_id)


def test_a_chain_of_n_turns_gives_exactly_n_turns(store: ResponseStore) -> None:
    turns = chain(store, 50)
    contexts = [store.context(ACCOUNT, each.response.id).items for each in turns]
    assert contexts == [left_by(*turns[:length]) for length in range(1, 51)]


def test_the_context_says_where_the_turn_that_is_continued_stands(store: ResponseStore) -> None:
    turns = chain(store, 3)
    contexts = [store.context(ACCOUNT, each.response.id) for each in turns]
    assert [each.position and each.position.depth for each in contexts] == [0, 1, 2]


def test_the_branches_of_a_fork_do_not_see_each_other(store: ResponseStore) -> None:
    root, left = chain(store, 2)
    right = continued(store, root, "right")
    deeper = continued(store, right, "deeper")
    assert store.context(ACCOUNT, left.response.id).items == left_by(root, left)
    assert store.context(ACCOUNT, deeper.response.id).items == left_by(root, right, deeper)


def test_a_fork_of_a_fork_sees_both_trunks(store: ResponseStore) -> None:
    a, b, _ = chain(store, 3)
    d = continued(store, b, "d")
    continued(store, d, "e")
    f = continued(store, d, "f")
    g = continued(store, f, "g")
    assert store.context(ACCOUNT, g.response.id).items == left_by(a, b, d, f, g)


def test_fifty_answers_to_one_parent_are_fifty_branches(store: ResponseStore) -> None:
    root = saved(store)
    position = store.context(ACCOUNT, root.response.id).position
    answers = [
        turn(f"{number}", response_id=next_id(root.response.id), parent=position)
        for number in range(50)
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store.save, answers))
    contexts = [store.context(ACCOUNT, each.response.id).items for each in answers]
    assert contexts == [left_by(root, each) for each in answers]


@pytest.mark.parametrize("status", ENDINGS)
def test_a_turn_can_be_continued_however_it_ended(store: ResponseStore, status: Status) -> None:
    parent = saved(store, status=status)
    child = continued(store, parent)
    assert store.context(ACCOUNT, child.response.id).items == left_by(parent, child)


def test_a_turn_may_add_nothing(store: ResponseStore) -> None:
    parent = saved(store, status="failed", made=())
    child = continued(store, parent, given=())
    assert store.context(ACCOUNT, child.response.id).items == left_by(parent, child)


def test_a_deleted_turn_leaves_later_turns_whole(store: ResponseStore) -> None:
    turns = chain(store, 3)
    store.delete(ACCOUNT, turns[1].response.id)
    assert store.context(ACCOUNT, turns[2].response.id).items == left_by(*turns)


def test_an_answer_to_a_parent_deleted_meanwhile_is_kept(store: ResponseStore) -> None:
    parent = saved(store)
    position = store.context(ACCOUNT, parent.response.id).position
    store.delete(ACCOUNT, parent.response.id)
    child = saved(store, response_id=next_id(parent.response.id), parent=position)
    assert store.context(ACCOUNT, child.response.id).items == left_by(parent, child)


def test_nobody_continues_what_is_anothers(store: ResponseStore) -> None:
    position = store.context(ACCOUNT, (theirs := saved(store)).response.id).position
    response_id = next_id(theirs.response.id)
    with pytest.raises(NotFound, match=response_id):
        saved(store, response_id=response_id, parent=position, account=STRANGER)


def test_saving_twice_keeps_once(store: ResponseStore) -> None:
    first, second = chain(store, 2)
    assert store.save(second)
    third = continued(store, second)
    assert store.context(ACCOUNT, third.response.id).items == left_by(first, second, third)


def test_a_later_ending_does_not_replace_the_first(store: ResponseStore) -> None:
    kept = saved(store, status="cancelled")
    late = replace(kept, response=replace(kept.response, status="completed"))
    assert store.save(late) is False
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_the_ending_that_stands_is_said_to_stand(store: ResponseStore) -> None:
    assert store.save(turn()) is True


# input_items


def listed(store: ResponseStore, last: Turn, **more: object) -> tuple[list[str], bool]:
    query = PageQuery(**({"order": "asc", "limit": 100} | more))  # type: ignore[arg-type]  # the tests below name them
    found = store.input_items(last.account, last.response.id, query)
    return text_of(found.items), found.has_more


def test_the_model_saw_earlier_turns_and_its_own_input(store: ResponseStore) -> None:
    turns = chain(store, 3, "t")
    assert listed(store, turns[-1]) == (["t 0", "T 0", "t 1", "T 1", "t 2"], False)


def test_the_newest_item_comes_first_in_descending_order(store: ResponseStore) -> None:
    turns = chain(store, 2, "t")
    assert listed(store, turns[-1], order="desc") == (["t 1", "T 0", "t 0"], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_one_after_the_other_give_the_whole_list(
    store: ResponseStore, order: str, limit: int
) -> None:
    turns = chain(store, 40)
    fork = continued(store, turns[17], "fork")
    whole = [*left_by(*turns[:18]), *fork.input]
    if order == "desc":
        whole.reverse()
    pages: list[Item] = []
    after, more = None, True
    while more:
        found = store.input_items(
            ACCOUNT,
            fork.response.id,
            PageQuery(order="asc" if order == "asc" else "desc", limit=limit, after=after),
        )
        pages += found.items
        after, more = pages[-1].id, found.has_more
    assert pages == whole


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"after": 1, "limit": 2}, (["t 1", "T 1"], True)),
        ({"after": 3, "limit": 2}, (["t 2"], False)),
        ({"after": 4}, ([], False)),
        ({"before": 3}, (["t 0", "T 0", "t 1"], False)),
        ({"before": 3, "limit": 2}, (["T 0", "t 1"], True)),
        ({"before": 0}, ([], False)),
        ({"after": 0, "before": 3}, (["T 0", "t 1"], False)),
        ({"after": 0, "before": 3, "limit": 1}, (["T 0"], True)),
        ({"after": 3, "before": 0}, ([], False)),
        ({"order": "desc", "after": 3, "limit": 2}, (["t 1", "T 0"], True)),
        ({"order": "desc", "before": 1, "limit": 2}, (["T 1", "t 1"], True)),
        ({"order": "desc", "before": 3}, (["t 2"], False)),
        ({"order": "desc", "after": 3, "before": 0}, (["t 1", "T 0"], False)),
    ],
)
def test_a_page_lies_behind_after_and_in_front_of_before(
    store: ResponseStore, wanted: dict[str, object], shown: tuple[list[str], bool]
) -> None:
    turns = chain(store, 3, "t")
    ids = [item.id for item in left_by(*turns)]
    named = {
        name: ids[value] if name in ("after", "before") and isinstance(value, int) else value
        for name, value in wanted.items()
    }
    assert listed(store, turns[-1], **named) == shown


def test_an_item_under_an_id_of_the_clients_is_a_mark_as_well(store: ResponseStore) -> None:
    turns = [saved(store, given=(question("theirs", "msg_theirs"),))]
    turns.append(continued(store, turns[0]))
    assert listed(store, turns[1], after="msg_theirs")[0] == ["HELLO", "and then?"]


def test_an_item_is_found_wherever_it_stands(
    store: ResponseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.responses.paging.SEARCHED_TURNS", 2)
    last = saved(store, "0", given=(question("0", "msg_0"),))
    for number in range(1, 7):
        last = continued(store, last, f"{number}", given=(question(f"{number}", f"msg_{number}"),))
    behind = [listed(store, last, after=f"msg_{number}")[0] for number in range(7)]
    whole = listed(store, last)[0]
    assert behind == [whole[2 * number + 1 :] for number in range(7)]


def test_an_item_brought_from_another_conversation_is_a_mark_as_well(
    store: ResponseStore,
) -> None:
    other = saved(store, "other")
    first = saved(store, given=other.input)
    second = continued(store, first)
    assert listed(store, second, after=other.input[0].id)[0] == ["HELLO", "and then?"]


@pytest.mark.parametrize("param", ["after", "before"])
def test_a_mark_that_is_not_in_the_list_is_refused(store: ResponseStore, param: str) -> None:
    turns = chain(store, 70)
    beside = continued(store, turns[3], "beside")
    own_output = turns[-1].response.output[0]
    for item_id in (beside.input[0].id, own_output.id, "msg_nobody"):
        with pytest.raises(InvalidRequest, match=item_id) as refusal:
            listed(store, turns[-1], **{param: item_id})
        assert refusal.value.param == param


def test_a_deleted_middle_turn_stays_in_the_list(store: ResponseStore) -> None:
    turns = chain(store, 2, "t")
    store.delete(ACCOUNT, turns[0].response.id)
    first = turns[0].input[0].id
    assert listed(store, turns[1], after=first) == (["T 0", "t 1"], False)


# items, for references


def test_items_are_found_by_id_wherever_they_are(store: ResponseStore) -> None:
    turns = [*chain(store, 2), saved(store, given=(question("theirs", "msg_theirs"),))]
    items = left_by(*turns)
    assert store.items(ACCOUNT, [item.id for item in items]) == {item.id: item for item in items}


def test_an_item_that_was_not_asked_for_is_not_given(store: ResponseStore) -> None:
    kept = saved(store)
    item = kept.input[0]
    assert store.items(ACCOUNT, [item.id, "msg_nobody"]) == {item.id: item}


def test_no_items_are_asked_for(store: ResponseStore) -> None:
    assert store.items(ACCOUNT, []) == {}


@pytest.mark.parametrize("item_id", ["msg_theirs", None])
def test_foreign_items_are_unknown(store: ResponseStore, item_id: str | None) -> None:
    kept = saved(store, given=(question("x", item_id),)) if item_id else saved(store)
    assert store.items(STRANGER, [kept.input[0].id]) == {}


@pytest.mark.parametrize("item_id", ["msg_theirs", None])
def test_items_of_deleted_responses_are_unknown(store: ResponseStore, item_id: str | None) -> None:
    kept = saved(store, given=(question("x", item_id),)) if item_id else saved(store)
    store.delete(ACCOUNT, kept.response.id)
    assert store.items(ACCOUNT, [kept.input[0].id]) == {}


def test_the_latest_item_under_a_clients_id_is_the_one_that_counts(store: ResponseStore) -> None:
    saved(store, given=(question("old", "msg_theirs"),))
    saved(store, given=(question("new", "msg_theirs"),))
    found = store.items(ACCOUNT, ["msg_theirs"])["msg_theirs"]
    assert found == Message("msg_theirs", "user", (InputText("new"),))


def test_every_ending_is_tried() -> None:
    assert {*ENDINGS, "queued", "in_progress"} == set(get_args(Status))


def test_a_store_that_is_there_answers(store: ResponseStore) -> None:
    store.ping()
