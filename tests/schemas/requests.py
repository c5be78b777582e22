"""Requests for the tests of this room, and what becomes of them."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from app.domain.items import InputItem
from app.domain.request import CreateRequest
from app.errors import InvalidRequest
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST

FUNCTION: dict[str, Any] = {"type": "function", "name": "look_up"}


def body(**parameters: Any) -> dict[str, Any]:
    """Return a small valid body, with these parameters beside it."""
    return {"model": "local/echo", "input": "Hi"} | parameters


def load(**parameters: Any) -> CreateRequest:
    """Return what such a body asks for."""
    return CREATE_REQUEST.load(body(**parameters))


def item(raw: Any) -> InputItem:
    """Return what one input item becomes."""
    [loaded] = load(input=[raw]).input
    return loaded


def part(raw: Any, role: str = "user") -> Any:
    """Return what one content part becomes under a role."""
    message: Any = item({"role": role, "content": [raw]})
    [loaded] = message.content
    return loaded


def fault(given: object, policy: Literal["refuse", "drop"] = "refuse") -> InvalidRequest:
    """Return the error that a body is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        CREATE_REQUEST.load(given, context=ReadContext(drops_unsupported=policy == "drop"))
    return caught.value


def verdict(given: object) -> tuple[str | None, str | None]:
    """Return the code and param of the error that a body is refused with."""
    refused = fault(given)
    return refused.code, refused.param
