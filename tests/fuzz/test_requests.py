"""No body, however strange, makes the reading of requests do anything but read or refuse."""

from __future__ import annotations

import re
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.domain.items import ItemReference
from app.domain.request import CreateRequest
from app.domain.response import Response
from app.errors import InvalidRequest
from app.schemas.document import ReadContext
from app.schemas.items import item_from_json, item_json
from app.schemas.request.create import CreateRequestSchema, load_create_request
from app.schemas.responses import echo, response_from_json, response_json
from app.schemas.wire.responses import ResponseSchema
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
SCHEMA, RESPONSE = CreateRequestSchema(), ResponseSchema()
THOROUGHLY = settings(max_examples=max(200, settings().max_examples), deadline=None)

Policy = Literal["refuse", "drop"]
policies: st.SearchStrategy[Policy] = st.sampled_from(("refuse", "drop"))


def loaded(body: Any, policy: Policy) -> CreateRequest | InvalidRequest:
    """Return what a body asks for, or why it is refused."""
    try:
        return load_create_request(body, unsupported_tools=policy)
    except InvalidRequest as refused:
        return refused


@THOROUGHLY
@given(valid_bodies)
def test_a_valid_body_is_taken(body: dict[str, Any]) -> None:
    assert isinstance(loaded(body, "refuse"), CreateRequest)


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_a_mutated_body_is_taken_or_refused_in_the_callers_words(body: Any, policy: Policy) -> None:
    told = loaded(body, policy)
    if isinstance(told, InvalidRequest):
        assert told.code in CODES
        assert len(told.message) < 1000


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_the_fault_is_named_by_a_path_that_begins_in_the_body(body: Any, policy: Policy) -> None:
    told = loaded(body, policy)
    if isinstance(told, InvalidRequest):
        [name] = re.findall(r"^[a-z_]+", told.param or "")
        assert name in body or name in ("model", "input")


@THOROUGHLY
@given(mutated_bodies())
def test_marshmallow_itself_comes_to_the_same_verdict(body: Any) -> None:
    if isinstance(loaded(body, "refuse"), InvalidRequest):
        with pytest.raises(ValidationError):
            SCHEMA.load(body)
    else:
        SCHEMA.load(body)


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
        shown = orjson.loads(orjson.dumps(response_json(response)))
        RESPONSE.read(shown, "", ReadContext())
        assert response_json(response_from_json(shown)) == shown


@THOROUGHLY
@given(mutated_bodies(), policies)
def test_items_that_are_taken_can_be_shown_and_sent_again(body: Any, policy: Policy) -> None:
    request = loaded(body, policy)
    if isinstance(request, CreateRequest):
        shown = [item_json(item) for item in request.input]
        again = load_create_request(
            {"model": "m", "input": shown, "previous_response_id": "resp_1"}
        )
        assert again.input == request.input
        for item, each in zip(request.input, shown, strict=True):
            assert isinstance(item, ItemReference) or item_from_json(each) == item
