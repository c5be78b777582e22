"""JSON that the domain has as a text: the arguments of a call, or what it gave back (G4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.schemas.field import Bind, ReadContext
from app.schemas.nesting import Inner, ListOf, Nested


class JsonObject(Nested):
    """An object: `shown` makes it of the domain's text, `taken` the text of it."""

    def __init__(
        self,
        inner: Inner,
        shown: Callable[[str], dict[str, Any]],
        taken: Callable[[dict[str, Any]], str],
        **options: Any,
    ) -> None:
        super().__init__(inner, **options)
        self.shown, self.taken = shown, taken

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        return self.taken(super().check(value, at, context))

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(self.shown)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{bind(self.taken)}({data})"


class JsonArray(ListOf):
    """An array of objects, as `JsonObject`."""

    def __init__(
        self,
        inner: Inner,
        shown: Callable[[str], list[Any]],
        taken: Callable[[list[Any]], str],
        **options: Any,
    ) -> None:
        super().__init__(inner, **options)
        self.shown, self.taken = shown, taken

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        return self.taken(super().check(value, at, context))

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(self.shown)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{bind(self.taken)}({data})"
