"""A list of event types."""

from __future__ import annotations

from typing import Any

from app.domain.webhooks.endpoints import EVENT_TYPES
from app.schemas.field import Bind, ReadContext, Refer, StrictField
from app.schemas.invalid import InvalidField, array_at, listed, mistyped, quoted

_MOST_LISTED = 100


class EventTypesField(StrictField):
    """A non-empty array of event types; repetitions count once."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[str, ...]:
        path = self.path(at)
        given = array_at(value, path, _MOST_LISTED)
        if not given:
            raise InvalidField("invalid_value", path, "must not be empty: name a type of events.")
        for index, each in enumerate(given):
            if type(each) is not str:
                raise mistyped(f"{path}[{index}]", "a string", each)
            if each not in EVENT_TYPES:
                what = f"must be {listed(EVENT_TYPES)}, not {quoted(each)}."
                raise InvalidField("invalid_value", f"{path}[{index}]", what)
        return tuple(dict.fromkeys(given))

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"type": "string", "enum": list(EVENT_TYPES)}
        return {"type": "array", "minItems": 1, "maxItems": _MOST_LISTED, "items": items}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"list({value})"
