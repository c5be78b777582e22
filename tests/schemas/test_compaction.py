"""What asks for a compaction, and what is one, in requests and answers (G6, G7, G8)."""

from __future__ import annotations

from typing import Any

import pytest
from openresponses_types.types import CompactionBody, CompactResource

from app.domain.items import Compaction, InputText, Message
from app.domain.response import Usage
from app.domain.turns.compaction import LONGEST_SEALED, CompactedConversation
from app.schemas.docs.openapi import endpoint_info
from app.schemas.invalid import InvalidField
from app.schemas.request.compact import COMPACT_REQUEST
from app.schemas.request.conversations import ADD_ITEMS
from app.schemas.wire.answers import COMPACTED
from app.schemas.wire.items import ITEM
from tests.schemas.requests import body, load, verdict

HI = {"role": "user", "content": "Hi"}
TRIGGER = {"type": "compaction_trigger"}
SEALED = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}
PARENT = "resp_" + "0" * 48


def test_a_compaction_is_taken_as_it_came() -> None:
    assert load(input=[SEALED, HI]).input[0] == Compaction("cmp_1", "x")
    assert load(input=[SEALED | {"id": None}, HI]).input[0] == Compaction("", "x")
    assert load(input=[SEALED | {"created_by": "a"}, HI]).ignored == ("input[0].created_by",)


def test_open_responses_takes_what_is_shown_of_one() -> None:
    CompactionBody.model_validate(ITEM.dump(Compaction("cmp_1", "x")), strict=True)


def test_a_trigger_asks_for_one_and_is_no_item() -> None:
    request = load(input=[HI, TRIGGER])
    assert (len(request.input), request.compaction) == (1, "trigger")
    assert load(input=[HI]).compaction is None
    assert load(input=[TRIGGER], previous_response_id=PARENT).compaction == "trigger"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ([TRIGGER, HI], "input[0]"),
        ([HI, TRIGGER, HI], "input[1]"),
        ([HI, TRIGGER, TRIGGER], "input[1]"),
        ([TRIGGER], "input"),
    ],
)
def test_a_trigger_elsewhere_or_alone_is_refused_by_its_path(given: list[Any], path: str) -> None:
    assert verdict(body(input=given)) == ("invalid_value", path)


def test_a_trigger_cannot_be_added_to_a_conversation() -> None:
    with pytest.raises(InvalidField) as raised:
        ADD_ITEMS.load({"items": [HI, TRIGGER]})
    assert (raised.value.code, raised.value.param) == ("unsupported_value", "items[1]")


def test_what_shapes_an_answer_and_no_summary_is_named() -> None:
    shaping = {"text": {"verbosity": "low"}, "top_logprobs": 1, "temperature": 0.5}
    request = load(input=[HI, TRIGGER], **shaping)
    assert sorted(request.ignored) == ["text", "top_logprobs"]
    assert load(input=[HI], **shaping).ignored == ()


def test_one_that_is_too_long_is_refused() -> None:
    given = SEALED | {"encrypted_content": "x" * (LONGEST_SEALED + 1)}
    assert verdict(body(input=[given])) == ("invalid_value", "input[0].encrypted_content")


def test_the_narrowest_threshold_holds() -> None:
    rules = [{"type": "compaction", "compact_threshold": n} for n in (3000, 1000, 2000)]
    assert load(input="Hi", context_management=rules).compact_threshold == 1000
    assert load(input="Hi", context_management=[]).compact_threshold is None
    assert load(input="Hi").compact_threshold is None


def test_the_endpoint_asks_for_one_and_stores_nothing() -> None:
    given = {"model": "m", "input": "Hi", "instructions": "Be brief.", "tools": [], "store": True}
    request = COMPACT_REQUEST.load(given)
    assert (request.compaction, request.store, request.stream) == ("endpoint", False, False)
    assert request.parameters.instructions == "Be brief."
    assert request.ignored == ("tools", "store")
    assert COMPACT_REQUEST.load({"model": "m", "previous_response_id": PARENT}).input == ()


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"input": "Hi"}, "missing_required_parameter", "model"),
        ({"model": "m"}, "missing_required_parameter", "input"),
        ({"model": "m", "input": []}, "invalid_value", "input"),
        ({"model": "m", "input": [TRIGGER, HI]}, "invalid_value", "input[0]"),
        ({"model": "m", "input": "Hi", "instructions": 5}, "invalid_type", "instructions"),
        (
            {"model": "m", "input": "Hi", "conversation": "conv_1"},
            "unsupported_parameter",
            "conversation",
        ),
    ],
)
def test_the_endpoint_refuses_what_it_cannot_compact(
    given: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(InvalidField) as raised:
        COMPACT_REQUEST.load(given)
    assert (raised.value.code, raised.value.param) == (code, param)


def test_what_the_endpoint_shows_is_what_open_responses_takes() -> None:
    message = Message("msg_1", "user", (InputText("Hi"),))
    made = CompactedConversation(
        "resp_1", 1, (message, Compaction("cmp_1", "x")), Usage(3, 4, 1, 0, 2)
    )
    shown = COMPACTED.dump(made)
    assert COMPACTED.validate(shown) == {}
    assert shown["object"] == "response.compaction"
    assert [item["type"] for item in shown["output"]] == ["message", "compaction"]
    CompactResource.model_validate(shown)


def test_the_endpoint_tells_that_it_takes_them() -> None:
    info = endpoint_info()
    assert {"compaction", "compaction_trigger"} <= set(info["supported"]["item_types"])
    assert "response.compaction.compacting" in info["supported"]["stream_events"]
    assert "context_management" in info["supported"]["parameters"]
    assert "POST /compact" in info["methods"]
