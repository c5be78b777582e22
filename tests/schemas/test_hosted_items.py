"""What tools did that another server ran, in the input (R24)."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from app.domain.hosted.item import HOSTED_KINDS, HostedItem
from app.schemas.wire.items import ITEM
from tests.hosted_items import COMPUTER, ITEMS, WEB_SEARCH
from tests.schemas.requests import body, fault, item, load, verdict


def test_every_kind_has_an_example() -> None:
    assert {each["type"] for each in ITEMS} == set(HOSTED_KINDS)


@pytest.mark.parametrize("given", ITEMS, ids=lambda each: each["id"])
def test_the_examples_are_what_openais_client_declares(given: dict[str, Any]) -> None:
    TypeAdapter[Any](ResponseInputItemParam).validate_python(given)


@pytest.mark.parametrize("given", ITEMS, ids=lambda each: each["id"])
def test_an_item_is_kept_as_it_came(given: dict[str, Any]) -> None:
    taken = item(given)
    assert taken == HostedItem(given["id"], given)
    dumped = ITEM.dump(taken)
    assert list(dumped.items()) == list(given.items())
    assert ITEM.load(dumped) == taken
    assert ITEM.validate(dumped) == {}


@pytest.mark.parametrize("given", ITEMS, ids=lambda each: each["id"])
def test_no_key_of_an_item_is_named_as_ignored(given: dict[str, Any]) -> None:
    assert load(input=[given]).ignored == ()


@pytest.mark.parametrize("item_id", [None, "", "absent"])
def test_an_item_without_an_id_is_given_one(item_id: str | None) -> None:
    given = {key: value for key, value in WEB_SEARCH.items() if key != "id"}
    taken: Any = item(given if item_id == "absent" else given | {"id": item_id})
    assert taken.id == ""
    assert ITEM.dump(taken.under("ws_1")) == given | {"id": "ws_1"}


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        (WEB_SEARCH | {"id": 5}, "invalid_type", "input[0].id"),
        (WEB_SEARCH | {"id": "x" * 513}, "invalid_value", "input[0].id"),
        (COMPUTER | {"call_id": None}, "missing_required_parameter", "input[0].call_id"),
        (COMPUTER | {"call_id": 5}, "invalid_type", "input[0].call_id"),
        (WEB_SEARCH | {str(n): n for n in range(100)}, "invalid_value", "input[0]"),
    ],
)
def test_a_wrong_item_is_refused(given: dict[str, Any], code: str, param: str) -> None:
    assert verdict(body(input=[given])) == (code, param)


def test_an_item_is_nested_no_deeper_than_it_can_be_written() -> None:
    nested: dict[str, Any] = {}
    for _ in range(200):
        nested = {"a": nested}
    assert verdict(body(input=[WEB_SEARCH | {"action": nested}])) == ("invalid_value", "input[0]")


def test_an_item_of_a_kind_that_is_nowhere_known_is_refused() -> None:
    refused = fault(body(input=[{"type": "telepathy_call"}]))
    assert (refused.code, refused.param) == ("unsupported_value", "input[0].type")


def test_what_was_stored_under_a_later_kind_can_be_read() -> None:
    later = {"id": "x_1", "type": "telepathy_call", "thought": "?"}
    assert ITEM.dump(ITEM.load(later)) == later
