"""Tools and tool choices, as responses contain them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from app.domain.tools import (
    AllowedTools,
    CustomTool,
    FunctionTool,
    HostedTool,
    InputGrammar,
    NamedCustomTool,
    NamedFunction,
    NamedHostedTool,
    NamespaceTool,
    PlainInput,
    Tool,
    ToolSearchTool,
    redacted,
)
from app.schemas.field import Bind, ReadContext, Refer
from app.schemas.fields import Boolean, Choice, FreeObject, String
from app.schemas.invalid import InvalidField, object_at
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.program import CallersField
from app.schemas.wire.built_in.tools import BUILT_IN_TOOLS, NamedBuiltInToolSchema
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema
from app.settings import HOSTED_TOOLS


class FunctionToolSchema(ValueSchema[FunctionTool]):
    about = "A function tool; all five keys are always present."
    values = (FunctionTool,)

    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    parameters = FreeObject(**OR_NULL)
    strict = Boolean(**OR_NULL)
    defer_loading = Boolean(about="As it was sent.", **AT_TIMES)
    allowed_callers = CallersField(**AT_TIMES)
    output_schema = FreeObject(
        about="A JSON schema of the output, for programs that call the function.", **AT_TIMES
    )


FUNCTION_TOOL = FunctionToolSchema()


class PlainInputSchema(ValueSchema[PlainInput]):
    about = "Any text."
    values = (PlainInput,)

    type = Choice("text", **ALWAYS)


class GrammarSchema(ValueSchema[InputGrammar]):
    about = "A text that follows this grammar."
    values = (InputGrammar,)

    type = Choice("grammar", **ALWAYS)
    syntax = Choice("lark", "regex", **ALWAYS)
    definition = String(shortest=1, **ALWAYS)


_FORMAT: OneOf[PlainInput | InputGrammar] = OneOf(PlainInputSchema(), GrammarSchema())


class CustomToolSchema(ValueSchema[CustomTool]):
    about = "A tool with free text as its input; all four keys are always present."
    values = (CustomTool,)

    type = Choice("custom", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    format = Nested(_FORMAT, **ALWAYS)
    defer_loading = Boolean(about="As it was sent.", **AT_TIMES)
    allowed_callers = CallersField(**AT_TIMES)


_CUSTOM_TOOL = CustomToolSchema()


class NamespaceToolSchema(ValueSchema[NamespaceTool]):
    about = "A group of functions and custom tools."
    values = (NamespaceTool,)

    type = Choice("namespace", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    tools = ListOf(OneOf(FUNCTION_TOOL, _CUSTOM_TOOL), **ALWAYS)


class HostedToolSchema(ValueSchema[HostedTool]):
    about = "A tool that the provider runs, as it was sent, without secrets."
    values = (HostedTool,)

    #: A tool search has a schema of its own, whoever runs it.
    type = Choice(*(each for each in HOSTED_TOOLS if each != ToolSearchTool.type), **ALWAYS)

    def _compile(self) -> None:
        self.writer, self._reader = attrgetter("redacted"), HostedTool
        self.readers |= dict.fromkeys(self.types, HostedTool)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, whatever its keys and the date of its type; see WireSchema.

        Raises:
            InvalidField: it contains a secret, or is not an object.
        """
        given = object_at(raw, path)
        if redacted(given) != given:
            raise InvalidField("invalid_value", path, "shows what is secret.")
        return given

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value}.redacted"


_HOSTED_TOOL = HostedToolSchema()


class ToolSearchToolSchema(ValueSchema[ToolSearchTool]):
    about = "A tool search that the caller runs."
    values = (ToolSearchTool,)

    def _compile(self) -> None:
        super()._compile()
        own = self.readers[ToolSearchTool.type]
        self.readers[ToolSearchTool.type] = lambda data: (
            own(data) if data.get("execution") == "client" else HostedTool(data)
        )

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, which may be a hosted tool; see WireSchema."""
        if object_at(raw, path).get("execution") == "client":
            return super().read(raw, path, context)
        return _HOSTED_TOOL.read(raw, path, context)

    type = Choice("tool_search", **ALWAYS)
    execution = Choice("client", **ALWAYS)
    description = String(**OR_NULL)
    parameters = FreeObject(**OR_NULL)


TOOL: OneOf[Tool] = OneOf(
    _HOSTED_TOOL,
    FUNCTION_TOOL,
    _CUSTOM_TOOL,
    NamespaceToolSchema(),
    ToolSearchToolSchema(),
    *BUILT_IN_TOOLS,
    rest=HostedTool,
    other=_HOSTED_TOOL,
)


class NamedFunctionSchema(ValueSchema[NamedFunction]):
    about = "A function, by its name."
    values = (NamedFunction,)

    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)


class NamedCustomToolSchema(ValueSchema[NamedCustomTool]):
    about = "A custom tool, by its name."
    values = (NamedCustomTool,)

    type = Choice("custom", **ALWAYS)
    name = String(**ALWAYS)


class NamedHostedToolSchema(ValueSchema[NamedHostedTool]):
    about = "A tool that the provider runs, as it was sent, without secrets."
    values = (NamedHostedTool,)

    type = Choice(*HOSTED_TOOLS, "computer_use", **ALWAYS)

    def _compile(self) -> None:
        self.writer = attrgetter("redacted")
        self._reader = NamedHostedTool.of

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, whatever its other keys; see WireSchema."""
        return object_at(raw, path)

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value}.redacted"


_NAMED_HOSTED = NamedHostedToolSchema()
_NAMED: tuple[ValueSchema[Any], ...] = (
    NamedFunctionSchema(),
    NamedCustomToolSchema(),
    NamedBuiltInToolSchema(),
    _NAMED_HOSTED,
)


class AllowedToolsSchema(ValueSchema[AllowedTools]):
    about = "The tools that the model may or must call."
    values = (AllowedTools,)

    type = Choice("allowed_tools", **ALWAYS)
    mode = Choice("auto", "required", **ALWAYS)
    tools = ListOf(OneOf(*_NAMED, other=_NAMED_HOSTED), **ALWAYS)


class ToolChoiceEcho(Choice):
    """A mode, one tool, or several."""

    _object: OneOf[NamedFunction | AllowedTools] = OneOf(
        *_NAMED, AllowedToolsSchema(), other=_NAMED_HOSTED
    )

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is dict:
            return self._object.read(value, self.path(at), context)
        return super().check(value, at, context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [super().json_schema(refer), self._object.json_schema(refer)]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value} if type({value}) is str else {self._object.dump_code(value, bind)}"
