"""Tools, and the choice among them, as responses show them."""

from __future__ import annotations

from typing import Any

from app.domain.tools import (
    AllowedTools,
    CustomTool,
    FunctionTool,
    InputGrammar,
    NamedCustomTool,
    NamedFunction,
    NamespaceTool,
    PlainInput,
    Tool,
    ToolSearchTool,
)
from app.schemas.field import Bind, ReadContext, Refer
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.wire.built_in.tools import BUILT_IN_TOOLS, NamedBuiltInToolSchema
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema


class FunctionToolSchema(ValueSchema[FunctionTool]):
    about = "A function tool, always with all five keys."
    values = (FunctionTool,)

    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    parameters = FreeObject(**OR_NULL)
    strict = Boolean(**OR_NULL)
    defer_loading = Boolean(about="As it was given.", **AT_TIMES)


FUNCTION_TOOL = FunctionToolSchema()


class PlainInputSchema(ValueSchema[PlainInput]):
    about = "Any text."
    values = (PlainInput,)

    type = Choice("text", **ALWAYS)


class GrammarSchema(ValueSchema[InputGrammar]):
    about = "A text of this grammar."
    values = (InputGrammar,)

    type = Choice("grammar", **ALWAYS)
    syntax = Choice("lark", "regex", **ALWAYS)
    definition = String(shortest=1, **ALWAYS)


_FORMAT: OneOf[PlainInput | InputGrammar] = OneOf(PlainInputSchema(), GrammarSchema())


class CustomToolSchema(ValueSchema[CustomTool]):
    about = "A tool that takes a text, always with all four keys."
    values = (CustomTool,)

    type = Choice("custom", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    format = Nested(_FORMAT, **ALWAYS)
    defer_loading = Boolean(about="As it was given.", **AT_TIMES)


_CUSTOM_TOOL = CustomToolSchema()


class NamespaceToolSchema(ValueSchema[NamespaceTool]):
    about = "Functions and custom tools under a name that they share."
    values = (NamespaceTool,)

    type = Choice("namespace", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    tools = ListOf(OneOf(FUNCTION_TOOL, _CUSTOM_TOOL), **ALWAYS)


class ToolSearchToolSchema(ValueSchema[ToolSearchTool]):
    about = "A search among tools that the caller runs."
    values = (ToolSearchTool,)

    type = Choice("tool_search", **ALWAYS)
    execution = Choice("client", **ALWAYS)
    description = String(**OR_NULL)
    parameters = FreeObject(**OR_NULL)


TOOL: OneOf[Tool] = OneOf(
    FUNCTION_TOOL,
    _CUSTOM_TOOL,
    NamespaceToolSchema(),
    ToolSearchToolSchema(),
    *BUILT_IN_TOOLS,
)


class NamedFunctionSchema(ValueSchema[NamedFunction]):
    values = (NamedFunction,)

    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)


class NamedCustomToolSchema(ValueSchema[NamedCustomTool]):
    values = (NamedCustomTool,)

    type = Choice("custom", **ALWAYS)
    name = String(**ALWAYS)


_NAMED: tuple[ValueSchema[Any], ...] = (
    NamedFunctionSchema(),
    NamedCustomToolSchema(),
    NamedBuiltInToolSchema(),
)


class AllowedToolsSchema(ValueSchema[AllowedTools]):
    values = (AllowedTools,)

    type = Choice("allowed_tools", **ALWAYS)
    mode = Choice("auto", "required", **ALWAYS)
    tools = ListOf(OneOf(*_NAMED), **ALWAYS)


class ToolChoiceEcho(Choice):
    """A mode, one tool, or several."""

    _object: OneOf[NamedFunction | AllowedTools] = OneOf(*_NAMED, AllowedToolsSchema())

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is dict:
            return self._object.read(value, self.path(at), context)
        return super().check(value, at, context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [super().json_schema(refer), self._object.json_schema(refer)]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value} if type({value}) is str else {self._object.dump_code(value, bind)}"
