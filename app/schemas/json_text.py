"""JSON that the domain keeps as text: a call's arguments, or its output (G4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.schemas.field import Bind, ReadContext, StrictField
from app.schemas.nesting import Inner, ListOf, Nested


class _JsonText(StrictField):
    """`to_json` converts the domain's text into JSON, `to_text` converts it back."""

    to_json: Callable[[str], Any]
    to_text: Callable[[Any], str]

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        return self.to_text(super().check(value, at, context))

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(self.to_json)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{bind(self.to_text)}({data})"


class JsonObject(_JsonText, Nested):
    """An object."""

    def __init__(
        self,
        inner: Inner,
        to_json: Callable[[str], dict[str, Any]],
        to_text: Callable[[dict[str, Any]], str],
        **options: Any,
    ) -> None:
        super().__init__(inner, **options)
        self.to_json, self.to_text = to_json, to_text


class JsonArray(_JsonText, ListOf):
    """An array of objects."""

    def __init__(
        self,
        inner: Inner,
        to_json: Callable[[str], list[Any]],
        to_text: Callable[[list[Any]], str],
        **options: Any,
    ) -> None:
        super().__init__(inner, **options)
        self.to_json, self.to_text = to_json, to_text
