"""Function tools: read by their schema, or, if plain, by a fast path."""

from __future__ import annotations

import re
from typing import Any

from app.domain.tools import FunctionTool
from app.schemas.depth import MOST_NESTED, is_shallow
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.nesting import Nested
from app.schemas.program import InputCallersField, OutputSchemaField
from app.schemas.request.bounds import LONGEST_DESCRIPTION, NAME, NAME_HINT

#: The description of `defer_loading`.
DEFERRED = (
    "The model has the tool from the start. Its calls come as if a search of the server's had "
    "found it, unless the caller runs the search."
)
_KEYS = frozenset({"type", "name", "description", "parameters", "strict"})
_is_name = re.compile(NAME).fullmatch


def is_nested(raw: object, key: str, within: str) -> bool:
    """Tell whether an object has the value for `key` nested under `within` instead (R21)."""
    return type(raw) is dict and raw.get(key) is None and within in raw


class NestedFunctionSchema(Document):
    about = "A function in the nested format of Chat Completions."
    values = (FunctionTool,)

    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    parameters = FreeObject()
    strict = Boolean()


class NestedFunctionToolSchema(Document):
    about = (
        "A function in the format of Chat Completions: accepted, and returned in this API's "
        "format (R21)."
    )

    type = Choice("function", required=True)
    function = Nested(NestedFunctionSchema(), required=True, about="The function.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> FunctionTool:
        tool: FunctionTool = found["function"]
        return tool


#: The form of Chat Completions, which is accepted as well.
NESTED = NestedFunctionToolSchema()


class InputFunctionToolSchema(Document):
    about = "A function that the caller runs."
    values = (FunctionTool,)

    type = Choice("function", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    parameters = FreeObject(about="A JSON schema of the arguments.")
    strict = Boolean(
        about="Whether the arguments must match the schema; the default is the upstream's."
    )
    defer_loading = Boolean(about=DEFERRED)
    allowed_callers = InputCallersField()
    output_schema = OutputSchemaField()

    def read(self, raw: object, path: str, context: ReadContext) -> FunctionTool:
        """Return the function, in whichever of the two forms it is.

        Raises:
            InvalidField: its first fault.
        """
        form = NESTED.read if is_nested(raw, "name", "function") else super().read
        tool: FunctionTool = form(raw, path, context)
        return tool


def plain_tool(raw: Any) -> FunctionTool | None:
    """Return a plain tool built directly from its keys, or None if its schema must read it.

    MEASURED: 3 calls instead of 11; tests/fuzz/test_fast_path.py checks that both agree.
    """
    if type(raw) is not dict or raw.get("type") != "function" or not raw.keys() <= _KEYS:
        return None
    name, description = raw.get("name"), raw.get("description")
    parameters, strict = raw.get("parameters"), raw.get("strict")
    if (
        type(name) is str
        and _is_name(name)
        and (
            description is None
            or (type(description) is str and len(description) <= LONGEST_DESCRIPTION)
        )
        and type(parameters) is dict
        and is_shallow(parameters, MOST_NESTED)
        and (strict is None or type(strict) is bool)
    ):
        return FunctionTool(name, description, parameters, strict)
    return None
