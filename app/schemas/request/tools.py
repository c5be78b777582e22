"""The tools that a caller may declare: functions, custom tools (G1), namespaces of both (G2)."""

from __future__ import annotations

import re
from typing import Any

from app.domain.tools import (
    CustomTool,
    FunctionTool,
    InputGrammar,
    NamespaceTool,
    PlainInput,
    Tool,
)
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import MOST_NESTED, Boolean, Choice, FreeObject, String, is_shallow
from app.schemas.invalid import InvalidField, array_at, join, object_at, quoted, type_at
from app.schemas.nesting import Nested, OneOf
from app.schemas.request.bounds import LONGEST_DESCRIPTION, MOST_TOOLS, NAME, NAME_HINT

#: Tools that run on OpenAI's servers, or that only its own models know (R7).
HOSTED = (
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "image_generation",
    "mcp",
    "shell",
    "local_shell",
    "apply_patch",
)
#: Agents send it beside their own tools; `web_search_preview` is another.
_is_web_search = re.compile(r"web_search(_[0-9]{4}_[0-9]{2}_[0-9]{2})?").fullmatch
_KEYS = frozenset({"type", "name", "description", "parameters", "strict"})
_is_name = re.compile(NAME).fullmatch
_DEFERRED = "Shown as given: the model has every tool from the start."


class InputFunctionToolSchema(Document):
    about = "A function that the caller runs."
    values = (FunctionTool,)

    type = Choice("function", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    parameters = FreeObject(about="A JSON schema of the arguments.")
    strict = Boolean(
        about="Whether the arguments must match the schema; the upstream's own default."
    )
    defer_loading = Boolean(about=_DEFERRED)


_FUNCTION = InputFunctionToolSchema()


class InputTextFormatSchema(Document):
    about = "Any text."

    type = Choice("text", required=True)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> PlainInput:
        return PlainInput()


class InputGrammarSchema(Document):
    about = "A text of this grammar; models are shown it, and not held to it."

    type = Choice("grammar", required=True)
    syntax = Choice("lark", "regex", required=True)
    definition = String(required=True, shortest=1, longest=LONGEST_DESCRIPTION)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> InputGrammar:
        return InputGrammar(found["syntax"], found["definition"])


class InputCustomToolSchema(Document):
    about = "A tool that the caller runs and that takes a text."

    type = Choice("custom", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    format = Nested(OneOf(InputTextFormatSchema(), InputGrammarSchema()))
    defer_loading = Boolean(about=_DEFERRED)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CustomTool:
        return CustomTool(
            found["name"],
            found.get("description"),
            found.get("format", PlainInput()),
            found.get("defer_loading"),
        )


_CUSTOM = InputCustomToolSchema()


class MembersField(StrictField):
    """The functions and custom tools of a namespace, each name once."""

    def check(
        self, value: Any, at: str, context: ReadContext
    ) -> tuple[FunctionTool | CustomTool, ...]:
        path, members = self.path(at), dict[str, FunctionTool | CustomTool]()
        for index, raw in enumerate(array_at(value, path, MOST_TOOLS)):
            where = f"{path}[{index}]"
            member = plain_tool(raw) or read_tool(raw, where, context)
            if isinstance(member, NamespaceTool):
                what = "is a namespace inside another: put its functions beside it."
                raise InvalidField("invalid_value", join(where, "type"), what)
            if member is not None:
                if member.name in members:
                    raise taken(member.name, join(where, "name"))
                members[member.name] = member
        if not members and not (value and context.drops_unsupported):
            what = "holds no functions: declare at least one, or leave the namespace out."
            raise self.invalid("invalid_value", at, what)
        return tuple(members.values())

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(_FUNCTION), refer(_CUSTOM)]}
        return {"type": "array", "minItems": 1, "maxItems": MOST_TOOLS, "items": items}


class InputNamespaceToolSchema(Document):
    about = "Functions and custom tools under a name that they share; their calls name it."

    type = Choice("namespace", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    tools = MembersField(required=True)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> NamespaceTool:
        return NamespaceTool(found["name"], found.get("description"), found["tools"])


_NAMESPACE = InputNamespaceToolSchema()


class ToolsField(StrictField):
    """The tools: functions, custom tools and namespaces of them, each name once."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[Tool, ...]:
        path, names, tools = self.path(at), set[str](), list[Tool]()
        for index, raw in enumerate(array_at(value, path, MOST_TOOLS)):
            tool = plain_tool(raw) or read_tool(raw, f"{path}[{index}]", context)
            if tool is None:
                continue
            for member in tool.members if isinstance(tool, NamespaceTool) else (tool,):
                if member.name in names:
                    raise taken(member.name, f"{path}[{index}].name")
                names.add(member.name)
            self.keep(tool, f"{path}[{index}]", context)
            tools.append(tool)
        if len(names) > MOST_TOOLS:
            what = f"holds {len(names)} functions: declare at most {MOST_TOOLS}."
            raise self.invalid("invalid_value", at, what)
        if value and not tools and not context.drops_unsupported:
            raise _unsupported(value[0]["type"], f"{path}[0]")  # all of them are searches
        return tuple(tools)

    def keep(self, tool: Tool, path: str, context: ReadContext) -> None:
        """Do what there is to do with a tool that is kept: here nothing."""

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(_FUNCTION), refer(_CUSTOM), refer(_NAMESPACE)]}
        return {"type": "array", "maxItems": MOST_TOOLS, "items": items}


def taken(name: str, path: str) -> InvalidField:
    """Return the error for the second of two tools with one name."""
    return InvalidField(
        "invalid_value", path, f"{quoted(name)} is taken by an earlier tool: rename one."
    )


def plain_tool(raw: Any) -> FunctionTool | None:
    """Return a plain tool taken straight from its keys, or None where its schema must judge.

    MEASURED: 3 calls in place of 11; tests/fuzz/test_fast_path.py holds both to the same tools.
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


def read_tool(raw: object, path: str, context: ReadContext) -> Tool | None:
    """Return what the tool's schema makes of it, or None where it is left out.

    A search of the web is left out whatever the policy, for as long as another tool remains (R7);
    so is a search among tools that the server is to run (G3).

    Raises:
        InvalidField: its first fault.
    """
    given = object_at(raw, path)
    kind = type_at(given, path)
    if kind == "function":
        function: FunctionTool = _FUNCTION.read(given, path, context)
        return function
    if kind == "custom":
        custom: CustomTool = _CUSTOM.read(given, path, context)
        return custom
    if kind == "namespace":
        namespace: NamespaceTool = _NAMESPACE.read(given, path, context)
        return namespace if namespace.tools else None  # all of them are named as left out
    if context.drops_unsupported:
        context.dropped_any_tool = True
        context.dropped_tools.update(_names(given))
    elif not _is_web_search(kind) and not _is_search_of_ours(given):
        raise _unsupported(kind, path)
    context.ignore(path)
    return None


def _is_search_of_ours(given: dict[str, Any]) -> bool:
    """Tell whether it is a search among deferred tools that the server runs: none are deferred."""
    return given["type"] == "tool_search" and given.get("execution") in (None, "server")


def _names(given: dict[str, Any]) -> set[str]:
    """Return the names by which a choice could mean this tool, or those inside it."""
    inside = given.get("tools")
    named = [given, *(inside if type(inside) is list else ())]
    return {each["name"] for each in named if type(each) is dict and type(each.get("name")) is str}


def _unsupported(kind: str, path: str) -> InvalidField:
    where = "runs on another vendor's servers" if kind in HOSTED else "is not known"
    where = "of the caller's own is not understood here" if kind == "tool_search" else where
    what = f'{quoted(kind)} {where}: declare a tool of type "function" and run it yourself.'
    return InvalidField("unsupported_value", join(path, "type"), what)
