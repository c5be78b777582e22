"""Computer calls and their outputs, beside each other (R24)."""

from __future__ import annotations

import pytest

from app.domain.hosted.item import HostedItem
from app.domain.items import InputText, Item, Message, Reasoning
from app.errors import InvalidRequest
from app.services.answering.hosted_pairs import hosted_in_order

HI = Message("msg_1", "user", (InputText("hi"),))
THOUGHT = Reasoning("rs_1")


def call(call_id: str = "a", status: str = "completed") -> HostedItem:
    item_id = f"cu_{call_id}"
    json = {"id": item_id, "type": "computer_call", "call_id": call_id, "status": status}
    return HostedItem(item_id, json)


def output(call_id: str = "a") -> HostedItem:
    item_id = f"cuo_{call_id}"
    return HostedItem(item_id, {"id": item_id, "type": "computer_call_output", "call_id": call_id})


def ordered(*items: Item, own: tuple[Item, ...] = (), has_gaps: bool = False) -> list[Item]:
    return list(hosted_in_order(items, own, has_gaps=has_gaps))


def fault(*items: Item, own: tuple[Item, ...]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        ordered(*items, own=own)
    return caught.value


def test_a_call_moves_down_to_its_output_with_what_was_thought() -> None:
    given = (HI, THOUGHT, call(), HI, output())
    assert ordered(*given) == [HI, HI, THOUGHT, call(), output()]


def test_what_stands_together_stays() -> None:
    given = (HI, THOUGHT, call(), output(), call("b"), output("b"), HI)
    assert ordered(*given) == list(given)


def test_calls_of_one_id_have_their_outputs_in_order() -> None:
    given = (call(), call(), output(), output())
    assert ordered(*given) == [call(), output(), call(), output()]


@pytest.mark.parametrize("half", [call(), output()], ids=["call", "output"])
def test_a_half_that_the_request_brings_alone_is_refused(half: HostedItem) -> None:
    refused = fault(HI, half, own=(half,))
    assert (refused.param, "a" in str(refused)) == ("input", True)


def test_a_call_of_the_parent_that_still_waits_is_refused() -> None:
    assert fault(HI, call(), HI, own=()).param == "input"


@pytest.mark.parametrize("half", [call(), output()], ids=["call", "output"])
def test_what_a_purge_took_the_other_half_of_is_left_out(half: HostedItem) -> None:
    assert ordered(HI, half, has_gaps=True) == [HI]


def test_an_output_of_the_conversation_that_has_no_call_is_left_out() -> None:
    assert ordered(HI, output(), HI) == [HI, HI]


def test_a_call_that_was_cut_is_left_out() -> None:
    assert ordered(HI, call(status="incomplete"), HI) == [HI, HI]
