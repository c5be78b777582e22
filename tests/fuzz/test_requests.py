"""No body, however strange, makes the reading of requests do anything but read or refuse."""

from __future__ import annotations

import re
from typing import Any, Literal

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.domain.items import InputItem, ItemReference
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.errors import InvalidRequest
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from tests.fuzz.bodies import mutated_bodies, valid_bodies

CODES = {
    "array_above_max_length",
    "missing_required_parameter",
    "invalid_type",
    "invalid_value",
    "integer_below_min_value",
    "integer_above_max_value",
    "decimal_below_min_value",
    "decimal_above_max_value",
    "unsupported_parameter",
    "unsupported_value",
    "invalid_response_id",
}
THOROUGHLY = settings(max_examples=max(100, settings().max_examples), deadline=None)

Policy = Literal["refuse", "drop"]
policies: st.SearchStrategy[Policy] = st.sampled_from(("refuse", "drop"))


def loaded(body: Any, policy: Policy) -> CreateRequest | InvalidRequest:
    """Return what a body asks for, or why it is refused."""
    try:
        return CREATE_REQUEST.load(body, context=ReadContext(drops_unsupported=policy == "drop"))
    except InvalidRequest as refused:
        return refused


@THOROUGHLY
@given(valid_bodies)
def test_a_valid_body_is_taken(body: dict[str, Any]) -> None:
    assert isinstance(loaded(body, "refuse"), CreateRequest)


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_a_mutated_body_is_taken_or_refused_in_the_callers_words(body: Any, policy: Policy) -> None:
    result = loaded(body, policy)
    if isinstance(result, InvalidRequest):
        assert result.code in CODES
        assert len(result.message) < 1000


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_the_fault_is_named_by_a_path_that_begins_in_the_body(body: Any, policy: Policy) -> None:
    result = loaded(body, policy)
    if isinstance(result, InvalidRequest):
        [name] = re.findall(r"^[a-z_]+", result.param or "")
        assert name in body or name in ("model", "input")


@THOROUGHLY
@given(mutated_bodies())
def test_to_validate_and_to_load_come_to_the_same_verdict(body: Any) -> None:
    request = loaded(body, "refuse")
    if isinstance(request, InvalidRequest):
        assert isinstance(request, ValidationError)
        assert CREATE_REQUEST.validate(body) == {request.param or "": [request.message]}
    else:
        assert CREATE_REQUEST.validate(body) == {}


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_whatever_is_taken_can_be_echoed_written_and_read_again(body: Any, policy: Policy) -> None:
    try:
        orjson.dumps(body)
    except TypeError:
        return  # a body as it is read has no integer beyond 64 bits
    request = loaded(body, policy)
    if isinstance(request, CreateRequest):
        response = Response("resp_1", request.model, 1, echo(request))
        shown = orjson.loads(orjson.dumps(RESPONSE.dump(response)))
        assert RESPONSE.validate(shown) == {}
        assert RESPONSE.dump(RESPONSE.load(shown)) == shown


def sent_again(item: InputItem) -> dict[str, Any]:
    """Return an item as a caller can send it."""
    if isinstance(item, ItemReference):
        return {"type": "item_reference", "id": item.id}
    return ITEM.dump(item)


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_items_that_are_taken_can_be_shown_and_sent_again(body: Any, policy: Policy) -> None:
    request = loaded(body, policy)
    if isinstance(request, CreateRequest):
        shown = [sent_again(item) for item in request.input]
        again = CREATE_REQUEST.load(
            {"model": "m", "input": shown, "previous_response_id": "resp_1"}
        )
        assert again.input == request.input
        for item, each in zip(request.input, shown, strict=True):
            assert isinstance(item, ItemReference) or ITEM.load(each) == item
