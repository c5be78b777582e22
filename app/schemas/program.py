"""Callers of tools: which program called or may call one, for `programmatic_tool_calling` (P2)."""

from __future__ import annotations

from typing import Any

from app.domain.tools import PROGRAMS
from app.schemas.document import Document
from app.schemas.field import Bind, ReadContext, StrictField
from app.schemas.fields import Choice, FreeObject, String, StringList
from app.schemas.invalid import join, required
from app.schemas.nesting import Nested

_PROGRAM, _DIRECT = "program", "direct"
_LONGEST_ID = 64
_MOST_CALLERS, _LONGEST_CALLER = 8, 64
_CALLER = "The program that made the call: `caller_id` is the `call_id` of that program's item."


class CallerSchema(Document):
    about = "The caller of a tool: the model itself (`direct`), or a program that it wrote."

    type = Choice(_DIRECT, _PROGRAM, required=True, about="The type of caller.")
    caller_id = String(shortest=1, longest=_LONGEST_ID, about="The program's `call_id`.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> str | None:
        """Return the program's id, None if the model itself called."""
        if found["type"] == _DIRECT:
            return None
        if "caller_id" not in found:
            raise required(join(path, "caller_id"))
        caller_id: str = found["caller_id"]
        return caller_id


class CallerField(Nested):
    """`{"type": "program", "caller_id": "call_1"}` on the wire is `"call_1"` in the domain."""

    def __init__(self, **options: Any) -> None:
        super().__init__(CallerSchema(), attribute="program_id", about=_CALLER, **options)

    def dump_code(self, value: str, bind: Bind) -> str:
        return f'{{"type": "{_PROGRAM}", "caller_id": {value}}}'

    def load_code(self, data: str, bind: Bind) -> str:
        return f'{data}["caller_id"]'


def _is_known(context: ReadContext) -> bool:
    """Tell whether the model's provider runs programs and the caller's key allows them."""
    return context.policy.restricted(context.allowed_tools).passes(PROGRAMS)


class _OfPrograms(StrictField):
    """A request's field that counts as unknown if the provider runs no programs."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if _is_known(context):
            return super().check(value, at, context)
        context.unknown(self.path(at), self.key, value, ())
        return None


class InputCallerField(_OfPrograms, CallerField):
    """The `caller` of a call in a request."""


class CallersField(StringList):
    """Who may call a tool: the model (`direct`), programs (`programmatic`), or both."""

    def __init__(self, **options: Any) -> None:
        super().__init__(_MOST_CALLERS, _LONGEST_CALLER, about="Who may call the tool.", **options)

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"list({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"tuple({data})"


class InputCallersField(_OfPrograms, CallersField):
    """The `allowed_callers` of a tool in a request."""

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        callers = super().check(value, at, context)
        return None if callers is None else tuple(callers)


class OutputSchemaField(_OfPrograms, FreeObject):
    """A JSON schema of what a function returns to programs."""

    def __init__(self) -> None:
        super().__init__(about="A JSON schema of the output, for programs that call the function.")
