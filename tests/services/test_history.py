"""What a turn starts from: parents, references, and calls with their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import home_of, tag_of
from app.domain.items import (
    AdditionalTools,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    InputItem,
    InputText,
    Item,
    ItemReference,
    Message,
    OutputText,
    Reasoning,
)
from app.domain.request import CreateRequest
from app.domain.response import Status
from app.domain.tools import CustomTool, FunctionTool, NamespaceTool, Tool, joined
from app.domain.turns.truncation import without_oldest
from app.domain.turns.turn import Context, Position, Thread
from app.errors import GatewayError, InvalidRequest, NotFound, StorageUnavailable
from app.services.answering.history import thread_for
from tests.ids import IDS
from tests.services.stores import StoreOfNothing

PARENT = "resp_" + "a" * 16 + "b" * 32


def user(text: str, item_id: str = "") -> Message:
    return Message(item_id, "user", (InputText(text),))


def assistant(text: str, item_id: str) -> Message:
    return Message(item_id, "assistant", (OutputText(text),))


def call(call_id: str, item_id: str = "", status: str = "completed") -> FunctionCall:
    item = FunctionCall(item_id, call_id, "f", "{}")
    return item if status == "completed" else replace(item, status="incomplete")


def answer(call_id: str, output: str = "42", item_id: str = "") -> FunctionCallOutput:
    return FunctionCallOutput(item_id, call_id, output)


@dataclass
class OneParent(StoreOfNothing):
    """Holds one conversation of the account acme, and a few items beside it."""

    before: tuple[Item, ...] = ()
    output: tuple[Item, ...] = ()
    beside: tuple[Item, ...] = ()
    pending: tuple[str, ...] = ()

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        if (account, response_id) != ("acme", PARENT):
            raise NotFound("no such response", code="response_not_found")
        items = (*self.before, *self.output)
        return Context(items, (), Position("log", 3), (range(len(self.before)),))

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        return {item.id: item for item in self.beside if item.id in item_ids}


def request(*items: InputItem, parent: str | None = PARENT) -> CreateRequest:
    return CreateRequest(model="m", input=items, previous_response_id=parent)


def begun(store: OneParent, model_request: CreateRequest) -> Thread:
    def context_of(account: str, response_id: str) -> Context | Status:
        return "queued" if response_id in store.pending else store.context(account, response_id)

    return thread_for(store, IDS, "acme", model_request, context_of)


def seen(store: OneParent, *items: InputItem) -> list[Item]:
    return list(begun(store, request(*items)).items)


def fault(store: OneParent, *items: InputItem, parent: str | None = PARENT) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        begun(store, request(*items, parent=parent))
    return caught.value


def test_the_new_input_follows_the_parents_context() -> None:
    store = OneParent(before=(user("a", "msg_1"),), output=(assistant("b", "msg_2"),))
    assert seen(store, user("c", "msg_3")) == [
        user("a", "msg_1"),
        assistant("b", "msg_2"),
        user("c", "msg_3"),
    ]


def test_a_first_turn_begins_a_conversation_of_its_own() -> None:
    first = begun(OneParent(), request(user("a"), parent=None))
    second = begun(OneParent(), request(user("a"), parent=None))
    assert tag_of(first.response_id) != tag_of(second.response_id)
    assert first.position is None


def test_a_continued_conversation_keeps_its_tag_and_place() -> None:
    continued = begun(OneParent(), request(user("a")))
    assert tag_of(continued.response_id) == "a" * 16
    assert continued.position == Position("log", 3)


def test_items_without_an_id_get_one_of_their_kind() -> None:
    own = begun(OneParent(), request(user("a"), call("c"), answer("c"))).own
    assert [item.id.partition("_")[0] for item in own] == ["msg", "fc", "fco"]


def test_an_items_id_tells_which_turn_brought_it() -> None:
    started = begun(OneParent(), request(user("a")))
    assert home_of(started.own[0].id) == started.response_id


def test_items_keep_the_ids_that_the_caller_gave() -> None:
    own = begun(OneParent(), request(user("a", "msg_mine"))).own
    assert own[0].id == "msg_mine"


def test_the_model_sees_the_very_values_that_came_where_only_ids_are_new() -> None:
    given = (user("a"), call("c"), answer("c"), user("b", "msg_mine"))
    first = begun(OneParent(), request(*given, parent=None))
    assert list(map(id, first.items)) == list(map(id, given))
    assert all(item.id for item in first.own)
    assert [replace(item, id="") for item in first.own[:3]] == list(given[:3])


@pytest.mark.parametrize("listed", [{"background": True}, {"compaction": "endpoint"}])
def test_what_is_listed_as_the_model_sees_it_has_ids(listed: dict[str, Any]) -> None:
    given = (user("a"), call("c"), answer("c"))
    first = begun(OneParent(), replace(request(*given, parent=None), **listed))
    assert first.items == first.own
    assert all(item.id for item in first.items)


def test_items_out_of_order_are_those_with_ids() -> None:
    given = (call("c"), user("a"), answer("c"))
    first = begun(OneParent(), request(*given, parent=None))
    assert sorted(map(id, first.items)) == sorted(map(id, first.own))


def test_an_unknown_parent_is_the_callers_mistake() -> None:
    error = fault(OneParent(), user("a"), parent="resp_unknown")
    assert isinstance(error, InvalidRequest)
    assert (error.code, error.param) == ("previous_response_not_found", "previous_response_id")


def test_a_parent_that_has_not_ended_cannot_be_continued() -> None:
    error = fault(OneParent(pending=("resp_busy",)), user("a"), parent="resp_busy")
    assert (error.status, error.code, error.param) == (400, None, "previous_response_id")


def test_a_reference_brings_a_stored_item_in() -> None:
    store = OneParent(beside=(assistant("kept", "msg_9"),))
    assert seen(store, ItemReference("msg_9")) == [assistant("kept", "msg_9")]


def test_a_reference_to_what_is_already_told_adds_nothing() -> None:
    store = OneParent(output=(assistant("b", "msg_2"),))
    assert seen(store, ItemReference("msg_2"), user("c", "msg_3")) == [
        assistant("b", "msg_2"),
        user("c", "msg_3"),
    ]


def test_an_item_that_is_already_told_is_not_told_again() -> None:
    store = OneParent(output=(assistant("b", "msg_2"),))
    assert seen(store, assistant("b", "msg_2"), user("c", "msg_3")) == [
        assistant("b", "msg_2"),
        user("c", "msg_3"),
    ]


def thought(text: str, item_id: str, payload: str | None = None) -> Reasoning:
    return Reasoning(item_id, (text,) if text else (), (), payload)


@pytest.mark.parametrize("text", ["Hm.", ""])
def test_reasoning_without_its_payload_is_what_is_stored_under_its_id(text: str) -> None:
    # OpenAI's agents send no more of it than its id and its text.
    whole = thought("Hm.", "rs_7", "sealed")
    store = OneParent(beside=(whole,))
    bare = thought(text, "rs_7")
    assert begun(store, request(user("a", "msg_1"), bare, parent=None)).items[1] == whole
    assert seen(store, bare)[-1] == whole


@pytest.mark.parametrize(
    "given",
    [
        thought("Another.", "rs_7"),
        thought("Hm.", "rs_8"),
        thought("Hm.", "rs_7", "another"),
        thought("Hm.", "msg_7"),
    ],
)
def test_other_reasoning_is_as_it_was_sent(given: Reasoning) -> None:
    store = OneParent(beside=(thought("Hm.", "rs_7", "sealed"), user("a", "msg_7")))
    assert begun(store, request(user("a", "msg_1"), given, parent=None)).items[1] == given


class Away(OneParent):
    """Its items cannot be had."""

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        raise StorageUnavailable("Redis is unreachable")


def test_reasoning_stays_without_its_payload_while_the_store_is_away() -> None:
    bare = thought("Hm.", "rs_7")
    assert begun(Away(), request(user("a", "msg_1"), bare, parent=None)).items[1] == bare
    with pytest.raises(StorageUnavailable):
        begun(Away(), request(bare, ItemReference("msg_7"), parent=None))


def test_an_unknown_reference_is_named() -> None:
    error = fault(OneParent(), user("a"), ItemReference("msg_9"))
    assert (error.status, error.param) == (404, "input[1].id")


def test_a_call_needs_its_output() -> None:
    error = fault(OneParent(output=(call("call_x", "fc_1"),)), user("a"))
    assert (error.status, error.param) == (400, "input")
    assert error.message.startswith("No tool output found for function call call_x. ")


def test_an_output_needs_its_call() -> None:
    error = fault(OneParent(), answer("call_x"))
    assert error.message.startswith(
        "No tool call found for function call output with call_id call_x. "
    )


def test_an_output_answers_the_parents_call() -> None:
    store = OneParent(output=(call("call_x", "fc_1"),))
    assert seen(store, answer("call_x", item_id="fco_1")) == [
        call("call_x", "fc_1"),
        answer("call_x", item_id="fco_1"),
    ]


def test_the_later_of_two_outputs_wins() -> None:
    store = OneParent(output=(call("call_x", "fc_1"),))
    result = seen(store, answer("call_x", "1", "fco_1"), answer("call_x", "2", "fco_2"))
    assert result == [call("call_x", "fc_1"), answer("call_x", "2", "fco_2")]


def test_a_parents_cut_call_is_left_out() -> None:
    store = OneParent(output=(call("call_x", "fc_1", "incomplete"),))
    assert seen(store, user("a", "msg_1")) == [user("a", "msg_1")]


def test_what_a_purge_has_left_alone_is_left_out() -> None:
    store = OneParent(
        before=(answer("gone_call", item_id="fco_1"), call("gone_output", "fc_2")),
        output=(assistant("b", "msg_2"),),
    )
    assert seen(store) == [assistant("b", "msg_2")]


CONVERSATION = (
    Message("msg_0", "system", (InputText("be brief"),)),
    user("one", "msg_1"),
    call("c", "fc_1"),
    answer("c", item_id="fco_1"),
    user("two", "msg_2"),
    assistant("deux", "msg_3"),
    user("three", "msg_4"),
)


def test_truncation_drops_whole_turns_but_never_instructions() -> None:
    assert without_oldest(CONVERSATION, 1) == (CONVERSATION[0], *CONVERSATION[4:])


def test_truncation_keeps_the_last_turn() -> None:
    assert without_oldest(CONVERSATION, 10_000) == (CONVERSATION[0], CONVERSATION[6])


def test_truncation_drops_half_when_nobody_says_how_much() -> None:
    long = (user("one " * 100, "msg_9"), *CONVERSATION[4:])
    assert without_oldest(long, None) == CONVERSATION[4:]


def test_a_single_turn_cannot_be_truncated() -> None:
    assert without_oldest(CONVERSATION[6:], None) == CONVERSATION[6:]


def test_truncation_leaves_no_half_of_a_call_and_its_output() -> None:
    parted = (
        user("one", "msg_1"),
        call("c", "fc_1"),
        user("two", "msg_2"),
        answer("c", "42", "fco"),
    )
    items = begun(OneParent(), request(*parted, parent=None)).items
    assert without_oldest(items, 1) == (parted[2], parted[1], parted[3])


def test_truncation_keeps_a_call_whose_id_a_dropped_one_had() -> None:
    again = (user("two", "msg_2"), call("c", "fc_2"), answer("c", "43", "fco_2"))
    items = (user("one", "msg_1"), call("c", "fc_1"), answer("c", "42", "fco_1"), *again)
    assert without_oldest(items, 1) == again


def custom_call(item_id: str = "") -> CustomCall:
    return CustomCall(item_id, "call_x", "patch", '{"input": "a"}')


def custom_answer(item_id: str = "") -> CustomCallOutput:
    return CustomCallOutput(item_id, "call_x", "done")


def test_calls_of_custom_tools_are_paired_as_those_of_functions_are() -> None:
    store = OneParent(output=(custom_call("ctc_1"),))
    assert seen(store, user("Hm.", "msg_2"), custom_answer("ctco_1")) == [
        user("Hm.", "msg_2"),
        custom_call("ctc_1"),
        custom_answer("ctco_1"),
    ]
    assert seen(store, custom_call(), custom_answer("ctco_1")) == [
        custom_call("ctc_1"),
        custom_answer("ctco_1"),
    ]


def test_a_custom_tools_call_without_an_output_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="No tool output found"):
        seen(OneParent(output=(custom_call("ctc_1"),)), user("Hi"))


def test_items_of_custom_tools_are_given_ids_of_their_own_kind() -> None:
    items = (custom_call(), custom_answer())
    thread = begun(OneParent(), request(*items, parent=None))
    assert [item.id.partition("_")[0] for item in thread.own] == ["ctc", "ctco"]


def bringing(*tools: Tool, item_id: str = "") -> AdditionalTools:
    return AdditionalTools(item_id, tools)


def test_an_item_that_brings_tools_is_no_half_of_a_call_and_stands_between_none() -> None:
    brought = bringing(CustomTool("exec"), item_id="at_1")
    pair = (call("c", "fc_1"), answer("c", "42", "fco_1"))
    assert seen(OneParent(), pair[0], brought, pair[1]) == [pair[0], brought, pair[1]]
    items = (brought, user("one", "msg_1"), *pair, user("two", "msg_2"))
    assert without_oldest(items, 1) == (brought, user("two", "msg_2"))


def test_tools_of_earlier_items_count_and_the_newest_of_a_name_holds() -> None:
    older, newer = CustomTool("exec", "Runs."), CustomTool("exec", "Runs it.")
    namespace = NamespaceTool("crm", None, (FunctionTool("look_up"),))
    store = OneParent(before=(bringing(older, namespace, item_id="at_1"),))
    thread = begun(store, request(bringing(newer), user("Hi")))
    assert thread.added == (newer, namespace)
    assert thread.own[0].id.startswith("at_")
    assert joined((older,), thread.added) == (older, namespace)
    assert begun(OneParent(), request(user("Hi"))).added == ()
