"""The arguments of a tool search: an object on the wire, a text in the domain (G3)."""

from __future__ import annotations

from typing import Any

import orjson

from app.schemas.depth import MOST_NESTED, is_shallow
from app.schemas.field import Bind, ReadContext, Refer
from app.schemas.fields import FreeObject
from app.schemas.invalid import mistyped, too_long


class SearchArguments(FreeObject):
    """`{"query": "mail"}` on the wire is `'{"query":"mail"}'` in the domain, in both directions.

    A model's text that is not an object is shown and accepted as it is, up to `longest`
    characters.
    """

    def __init__(self, *, longest: int | None = None, **options: Any) -> None:
        super().__init__(attribute="arguments", **options)
        self.longest = longest

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is dict:
            return as_text(super().check(value, at, context))
        if type(value) is not str:
            raise mistyped(self.path(at), "an object", value)
        if self.longest is not None and len(value) > self.longest:
            raise too_long(self.path(at), value, self.longest)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [super().json_schema(refer), {"type": "string"}]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(as_json)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{bind(as_text)}({data})"


def as_json(arguments: str) -> dict[str, Any] | str:
    """Return the arguments' object; no arguments are an empty one."""
    try:
        parsed = orjson.loads(arguments.strip() or "{}")
    except ValueError:
        return arguments
    is_object = type(parsed) is dict and is_shallow(parsed, MOST_NESTED)
    return parsed if is_object else arguments


def as_text(arguments: dict[str, Any] | str) -> str:
    """Return the arguments as text, like a function's."""
    return arguments if type(arguments) is str else orjson.dumps(arguments).decode()
