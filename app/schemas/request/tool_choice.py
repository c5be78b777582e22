"""`tool_choice` in every form that callers send."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, assert_never

from app.domain.tools import (
    AllowedTools,
    NamedBuiltInTool,
    NamedCustomTool,
    NamedFunction,
    NamedHostedTool,
    Tool,
    ToolChoice,
    choice_key,
    choosable,
)
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Choice, String
from app.schemas.invalid import (
    InvalidField,
    array_at,
    join,
    listed,
    mistyped,
    object_at,
    quoted,
    required,
    type_at,
)
from app.schemas.nesting import Nested
from app.schemas.request.bounds import MOST_TOOLS, NAME, NAME_HINT
from app.schemas.request.tools.built_in import BUILT_IN_TOOLS
from app.schemas.request.tools.hosted import ChosenHostedToolSchema, read_chosen
from app.settings import HOSTED_TOOLS

_MODES = ("none", "auto", "required")


def _name_in(found: dict[str, Any], within: str, path: str) -> str:
    """Return the name of a choice, direct or nested. Raises InvalidField if it has none."""
    name: str | None = found.get("name") or found.get(within, {}).get("name")
    if name is None:
        raise required(join(path, "name"))
    return name


class ChosenFunctionNameSchema(Document):
    about = "A function or custom tool, named by `name`."

    name = String(required=True, pattern=NAME, hint=NAME_HINT)


class ChosenFunctionSchema(Document):
    about = "The model must call this function; the format of Chat Completions is accepted."

    type = Choice("function", required=True)
    name = String(pattern=NAME, hint=NAME_HINT)
    function = Nested(
        ChosenFunctionNameSchema(), about="The function, in the format of Chat Completions."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> NamedFunction:
        return NamedFunction(_name_in(found, "function", path))


class ChosenCustomToolSchema(Document):
    about = "The model must call this custom tool; the format of Chat Completions is accepted."

    type = Choice("custom", required=True)
    name = String(pattern=NAME, hint=NAME_HINT)
    custom = Nested(
        ChosenFunctionNameSchema(), about="The tool, in the format of Chat Completions."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> NamedCustomTool:
        return NamedCustomTool(_name_in(found, "custom", path))


class ChosenBuiltInToolSchema(Document):
    about = "The model must call the built-in tool of this type."
    values = (NamedBuiltInTool,)

    type = Choice(*BUILT_IN_TOOLS, required=True, attribute="name")


_NAMED, _CUSTOM, _BUILT_IN, _HOSTED = (
    ChosenFunctionSchema(),
    ChosenCustomToolSchema(),
    ChosenBuiltInToolSchema(),
    ChosenHostedToolSchema(),
)
#: The forms that name one tool, by `type`.
_ONE: dict[str, Document] = {
    "function": _NAMED,
    "custom": _CUSTOM,
    **dict.fromkeys(BUILT_IN_TOOLS, _BUILT_IN),
}


class AllowedNamesField(StrictField):
    """An array that names functions, custom tools and other tools."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[NamedFunction, ...]:
        path = self.path(at)
        if not array_at(value, path, MOST_TOOLS):
            raise self.invalid("invalid_value", at, "must name at least one function.")
        named = [_allowed(raw, f"{path}[{index}]", context) for index, raw in enumerate(value)]
        return tuple(each for each in named if each is not None)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(each) for each in dict.fromkeys((*_ONE.values(), _HOSTED))]}
        return {"type": "array", "minItems": 1, "maxItems": MOST_TOOLS, "items": items}


def _allowed(raw: object, path: str, context: ReadContext) -> NamedFunction | None:
    kind = type_at(object_at(raw, path), path)
    form = _ONE.get(kind)
    if form is not None:
        named: NamedFunction = form.read(raw, path, context)
        return named
    if isinstance(raw, dict) and (chosen := read_chosen(raw, path, context)):
        return chosen
    _not_a_function(kind, path, context)
    return None


class ChosenAllowedNamesSchema(Document):
    about = "The tools that the model may or must call."

    mode = Choice("auto", "required", "none", default="auto")
    tools = AllowedNamesField(required=True)


class ChosenAllowedToolsSchema(Document):
    about = (
        "The model may or must call one of these tools; the format of Chat Completions is accepted."
    )

    type = Choice("allowed_tools", required=True)
    mode = Choice("auto", "required", "none", default="auto")
    tools = AllowedNamesField()
    allowed_tools = Nested(
        ChosenAllowedNamesSchema(), about="The tools, in the format of Chat Completions."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> AllowedTools:
        given = found if "tools" in found else found.get("allowed_tools", {})
        if "tools" not in given:
            raise required(join(path, "tools"))
        return AllowedTools.of(given.get("mode", "auto"), given["tools"])


_ALLOWED = ChosenAllowedToolsSchema()
_FORMS: dict[str, Document] = {
    **_ONE,
    "allowed_tools": _ALLOWED,
}


class ToolChoiceField(StrictField):
    """`tool_choice`: a mode, one function or custom tool, or several of them."""

    def check(self, value: Any, at: str, context: ReadContext) -> ToolChoice:
        path = self.path(at)
        if type(value) is str:
            return _mode(value, path)
        if type(value) is not dict:
            raise mistyped(path, "a string or an object", value)
        kind = type_at(value, path)
        form = _FORMS.get(kind)
        if form is None:
            if chosen := read_chosen(value, path, context):
                return chosen
            _not_a_function(kind, path, context)
            return "auto"
        choice: ToolChoice = form.read(value, path, context)
        return choice

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        modes = {"type": "string", "enum": list(_MODES)}
        forms = dict.fromkeys((*_FORMS.values(), _HOSTED))
        return {"anyOf": [modes, *map(refer, forms)]}


def _mode(value: str, path: str) -> ToolChoice:
    match value:
        case "none" | "auto" | "required":
            return value
        case _:
            what = f"must be {listed(_MODES)} or an object, not {quoted(value)}."
            if value == "any":
                what = '"any" is of another API: here it is "required".'
            raise InvalidField("invalid_value", path, what)


def _not_a_function(kind: str, path: str, context: ReadContext) -> None:
    if not context.drops_unsupported:
        code = "unsupported_value" if kind in HOSTED_TOOLS else "invalid_value"
        what = f"must be {listed(tuple(_FORMS))}, not {quoted(kind)}."
        raise InvalidField(code, join(path, "type"), what)
    context.ignore(path)


def settle(
    choice: ToolChoice, tools: Collection[Tool], context: ReadContext, *, continues: bool = False
) -> ToolChoice:
    """Return what remains of the choice among the tools that were kept (R8).

    A choice that only dropped tools can satisfy is dropped with them. If the request `continues`
    another, earlier items may declare tools unknown here: then nothing is refused (G3).

    Raises:
        InvalidField: it names tools that the request does not declare.
    """
    match choice:
        case "auto" | "none":
            return choice
        case "required":
            if tools or (continues and not context.dropped_any_tool):
                return choice
            what = '"required" needs tools: declare some, or leave the choice out.'
            return _lost("tool_choice", what, context, excused=context.dropped_any_tool)
        case NamedFunction():
            excused = choice.name in context.dropped_tools
            if choice_key(choice) in choosable(tools) or (continues and not excused):
                return choice
            is_type = isinstance(choice, NamedBuiltInTool | NamedHostedTool)
            at = f"tool_choice.{'type' if is_type else 'name'}"
            return _lost(at, _undeclared(choice.label), context, excused=excused)
        case AllowedTools():
            return _settle_allowed(choice, choosable(tools), context, continues=continues)
        case _:
            assert_never(choice)


def _settle_allowed(
    choice: AllowedTools,
    declared: set[tuple[str, str]],
    context: ReadContext,
    *,
    continues: bool,
) -> ToolChoice:
    dropped = context.dropped_tools
    kept = [
        each
        for each in choice.tools
        if choice_key(each) in declared or (continues and each.name not in dropped)
    ]
    for each in choice.tools:
        if each not in kept:
            excused = each.name in dropped
            _lost("tool_choice.tools", _undeclared(each.label), context, excused=excused)
    return AllowedTools.of(choice.mode, kept) if kept and choice.mode != "none" else "none"


def _lost(path: str, what: str, context: ReadContext, *, excused: bool) -> ToolChoice:
    if not excused:  # like OpenAI, name the whole choice as the parameter
        raise InvalidField("invalid_value", "tool_choice", what)
    context.ignore(path)
    return "auto"


def _undeclared(name: str) -> str:
    return f"names {quoted(name)}, which is not among the tools: declare it there."
