"""What items change of the requests from there on (G3)."""

from __future__ import annotations

import pytest

from app.domain.answer_options import (
    ConfigurationUpdate,
    JsonSchemaFormat,
    ReasoningOptions,
    TextOptions,
)
from app.domain.items import AdditionalTools
from app.domain.request import Parameters
from app.domain.tools import CustomTool
from app.domain.turns.truncation import without_oldest
from app.errors import InvalidRequest
from app.services.answering.tool_forms import for_provider
from app.services.answering.unseen_items import in_thread
from tests.services.test_history import OneParent, answer, begun, call, request, seen, user

SCHEMA = JsonSchemaFormat("n", {})
EFFORT = ConfigurationUpdate("cfg_1", "high")
FORMAT = ConfigurationUpdate("cfg_2", None, SCHEMA)
TOOLS = AdditionalTools("at_1", (CustomTool("exec"),))
HI = user("Hi", "msg_1")


def test_an_update_holds_in_place_of_the_parameters() -> None:
    thread = begun(OneParent(), request(EFFORT, FORMAT, HI, parent=None))
    given = Parameters(
        reasoning=ReasoningOptions("low", "auto"), text=TextOptions("json_object", "low")
    )
    assert in_thread(given, thread) == Parameters(
        reasoning=ReasoningOptions("high", "auto"), text=TextOptions(SCHEMA, "low")
    )
    assert in_thread(Parameters(), thread).reasoning == ReasoningOptions("high")


def test_an_earlier_update_holds_until_another_changes_the_same() -> None:
    store = OneParent(before=(EFFORT, FORMAT))
    assert begun(store, request(HI)).update == ConfigurationUpdate("", "high", SCHEMA)
    later = begun(store, request(ConfigurationUpdate("cfg_3", "low"), HI))
    assert later.update == ConfigurationUpdate("", "low", SCHEMA)


def test_an_update_that_changes_nothing_leaves_the_parameters_as_they_are() -> None:
    thread = begun(OneParent(), request(ConfigurationUpdate("cfg_1"), HI, parent=None))
    assert in_thread(Parameters(), thread) == Parameters()


def test_an_update_is_no_half_of_a_call_and_stands_between_none() -> None:
    pair = (call("c", "fc_1"), answer("c", "42", "fco_1"))
    assert seen(OneParent(), pair[0], EFFORT, pair[1]) == [pair[0], EFFORT, pair[1]]
    assert seen(OneParent(before=(pair[0], EFFORT)), pair[1]) == [pair[0], EFFORT, pair[1]]
    items = (EFFORT, HI, *pair, user("two", "msg_2"))
    assert without_oldest(items, 1) == (EFFORT, user("two", "msg_2"))


@pytest.mark.parametrize("known", [(), ("additional_tools",)])
def test_no_provider_is_given_an_update(known: tuple[str, ...]) -> None:
    thread = begun(OneParent(), request(EFFORT, HI, FORMAT, parent=None))
    found = for_provider(Parameters(), thread.items, thread, frozenset(known))
    changed = Parameters(reasoning=ReasoningOptions("high"), text=TextOptions(SCHEMA))
    assert found == (changed, (HI,))


@pytest.mark.parametrize("items", [(TOOLS,), (EFFORT,), (TOOLS, EFFORT, FORMAT)])
def test_a_conversation_in_which_no_model_sees_anything_is_refused(
    items: tuple[AdditionalTools | ConfigurationUpdate, ...],
) -> None:
    with pytest.raises(InvalidRequest, match="message") as refused:
        begun(OneParent(), request(*items, parent=None))
    assert (refused.value.param, refused.value.code) == ("input", "invalid_value")


def test_a_conversation_may_be_continued_by_what_no_model_sees() -> None:
    thread = begun(OneParent(before=(HI,)), request(TOOLS, EFFORT))
    assert thread.items == (HI, TOOLS, EFFORT)


def test_an_update_is_given_an_id_of_its_own_kind() -> None:
    thread = begun(OneParent(), request(ConfigurationUpdate("", "low"), HI, parent=None))
    assert thread.own[0].id.startswith("cfg_")
