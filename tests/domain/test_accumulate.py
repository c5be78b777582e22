"""The accumulator objects to events that no client could follow."""

from __future__ import annotations

import pytest

from app.domain.items import FunctionCall, InputText, Message, OutputText, Reasoning, Refusal
from app.domain.stream.accumulate import Accumulator, fold
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    Event,
    ItemAdded,
    ItemDone,
    PartAdded,
    RefusalDelta,
    SummaryTextDelta,
    TextDelta,
)

MESSAGE = ItemAdded(0, 0, Message("msg_1", "assistant", (), "in_progress"))
CALL = ItemAdded(0, 0, FunctionCall("fc_1", "call_1", "f", "", "in_progress"))
TEXT = PartAdded(1, "msg_1", 0, 0, OutputText(""))
REFUSAL = PartAdded(1, "msg_1", 0, 0, Refusal(""))
USER = ItemAdded(0, 0, Message("msg_1", "assistant", (InputText("a"),), "in_progress"))


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="no response"),
        pytest.param([ItemAdded(0, 1, CALL.item)], id="an index that was skipped"),
        pytest.param([ItemDone(0, 0, CALL.item)], id="an item that was never added"),
        pytest.param([MESSAGE, TextDelta(2, "msg_1", 0, 0, "a")], id="no part"),
        pytest.param([CALL, TextDelta(2, "fc_1", 0, 0, "a")], id="text for a call"),
        pytest.param([MESSAGE, ArgumentsDelta(2, "msg_1", 0, "a")], id="arguments for a message"),
        pytest.param([MESSAGE, REFUSAL, TextDelta(2, "msg_1", 0, 0, "a")], id="text for a refusal"),
        pytest.param([MESSAGE, TEXT, RefusalDelta(2, "msg_1", 0, 0, "a")], id="refusal for text"),
        pytest.param(
            [MESSAGE, SummaryTextDelta(2, "msg_1", 0, 0, "a")], id="thought for a message"
        ),
        pytest.param([USER, AnnotationAdded(2, "msg_1", 0, 0, 0, {})], id="annotated input"),
    ],
)
def test_what_does_not_fit_is_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fold(events)


def test_partial_items_are_shown_as_they_stand() -> None:
    accumulator = Accumulator()
    accumulator.add(MESSAGE)
    accumulator.add(TEXT)
    accumulator.add(TextDelta(2, "msg_1", 0, 0, "hel"))
    assert accumulator.output == (
        Message("msg_1", "assistant", (OutputText("hel"),), "in_progress"),
    )


def test_a_summary_grows_by_its_deltas() -> None:
    accumulator = Accumulator()
    accumulator.add(ItemAdded(0, 0, Reasoning("rs_1", ("a",))))
    accumulator.add(SummaryTextDelta(1, "rs_1", 0, 0, "b"))
    assert accumulator.output == (Reasoning("rs_1", ("ab",)),)
