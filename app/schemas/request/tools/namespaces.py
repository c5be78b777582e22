"""Namespaces: functions and custom tools grouped under a common name (G2)."""

from __future__ import annotations

from typing import Any

from app.domain.tools import BuiltInTool, CallableTool, CustomTool, FunctionTool, NamespaceTool
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Choice, String
from app.schemas.invalid import InvalidField, array_at, join, object_at, quoted, type_at
from app.schemas.request.bounds import LONGEST_DESCRIPTION, MOST_TOOLS, NAME, NAME_HINT
from app.schemas.request.tools.built_in import BUILT_IN_TOOLS
from app.schemas.request.tools.custom import InputCustomToolSchema
from app.schemas.request.tools.functions import InputFunctionToolSchema, plain_tool
from app.schemas.request.tools.unsupported import is_search_of_ours, leave_out

#: The tools that a namespace may contain, by `type`.
MEMBERS: dict[str, Document] = {
    "function": InputFunctionToolSchema(),
    "custom": InputCustomToolSchema(),
}


class MembersField(StrictField):
    """The functions and custom tools of a namespace; each name occurs once."""

    def check(
        self, value: Any, at: str, context: ReadContext
    ) -> tuple[FunctionTool | CustomTool, ...]:
        path, members = self.path(at), dict[str, FunctionTool | CustomTool]()
        for index, raw in enumerate(array_at(value, path, MOST_TOOLS)):
            where = f"{path}[{index}]"
            member = plain_tool(raw) or _read_member(raw, where, context)
            if member is not None:
                if member.name in members:
                    raise taken(member, where)
                members[member.name] = member
        if not members and not (value and context.drops_unsupported):
            what = "holds no functions: declare at least one, or leave the namespace out."
            raise self.invalid("invalid_value", at, what)
        return tuple(members.values())

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(member) for member in MEMBERS.values()]}
        return {"type": "array", "minItems": 1, "maxItems": MOST_TOOLS, "items": items}


class InputNamespaceToolSchema(Document):
    about = "A group of functions and custom tools; their calls carry its name as `namespace`."

    type = Choice("namespace", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    tools = MembersField(required=True)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> NamespaceTool:
        return NamespaceTool(found["name"], found.get("description"), found["tools"])


def taken(tool: CallableTool, path: str) -> InvalidField:
    """Return the error for the second of two tools with the same name; it is at `path`."""
    is_built_in = isinstance(tool, BuiltInTool)
    key, remedy = ("type", "leave one out") if is_built_in else ("name", "rename one")
    what = f"{quoted(tool.name)} is taken by an earlier tool: {remedy}."
    return InvalidField("invalid_value", join(path, key), what)


def _read_member(raw: object, path: str, context: ReadContext) -> FunctionTool | CustomTool | None:
    given = object_at(raw, path)
    kind = type_at(given, path)
    if kind == "namespace":
        what = "is a namespace inside another: put its functions beside it."
        raise InvalidField("invalid_value", join(path, "type"), what)
    is_search = kind == "tool_search" and not is_search_of_ours(given)
    if kind in BUILT_IN_TOOLS or is_search:
        what = f"{quoted(kind)} cannot be in a namespace: put it beside."
        raise InvalidField("invalid_value", join(path, "type"), what)
    schema = MEMBERS.get(kind)
    if schema is None:
        leave_out(given, path, context)
        return None
    member: FunctionTool | CustomTool = schema.read(given, path, context)
    return member
