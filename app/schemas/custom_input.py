"""The input of a custom tool; the domain keeps it as a function's arguments (G1)."""

from __future__ import annotations

from typing import Any

from app.domain.items import arguments_for, input_in
from app.schemas.field import Bind, ReadContext
from app.schemas.fields import String


class CustomInput(String):
    """`"ls"` on the wire is `{"input": "ls"}` in the domain, in both directions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(attribute="arguments", **options)

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        return arguments_for(super().check(value, at, context))

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(input_in)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{bind(arguments_for)}({data})"
