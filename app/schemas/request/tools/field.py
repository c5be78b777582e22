"""The tools of a request, of every kind; each name occurs once."""

from __future__ import annotations

from typing import Any

from app.domain.tools import HostedTool, NamespaceTool, Tool
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.invalid import InvalidField, array_at, join, object_at, type_at
from app.schemas.request.bounds import MOST_TOOLS
from app.schemas.request.tools.built_in import BUILT_IN_TOOLS
from app.schemas.request.tools.custom import NESTED_CUSTOM
from app.schemas.request.tools.functions import NESTED, plain_tool
from app.schemas.request.tools.hosted import InputHostedToolSchema, left_alone, read_hosted
from app.schemas.request.tools.known import KnownToolsJson
from app.schemas.request.tools.namespaces import MEMBERS, InputNamespaceToolSchema, taken
from app.schemas.request.tools.search import InputToolSearchToolSchema
from app.schemas.request.tools.unsupported import container_of, is_search_of_ours

#: The tools that the gateway supports, by `type`.
TOOLS: dict[str, Document] = MEMBERS | {
    "namespace": InputNamespaceToolSchema(),
    "tool_search": InputToolSearchToolSchema(),
    **BUILT_IN_TOOLS,
}


_HOSTED = InputHostedToolSchema()
#: Forms that Chat Completions uses for some of them.
_NESTED = (NESTED, NESTED_CUSTOM)


class ToolsField(StrictField):
    """The tools, of every kind that callers run; each name occurs once."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[Tool, ...]:
        if type(value) is KnownToolsJson:
            return value.tools
        path, names, tools = self.path(at), set[str](), list[Tool]()
        for index, raw in enumerate(array_at(value, path, MOST_TOOLS)):
            tool = plain_tool(raw) or read_tool(raw, f"{path}[{index}]", context)
            if tool is None:
                continue
            if isinstance(tool, HostedTool):  # its server checks their number
                names.add(tool.path)
            else:
                for member in tool.members if isinstance(tool, NamespaceTool) else (tool,):
                    if member.name in names:
                        raise taken(member, f"{path}[{index}]")
                    names.add(member.name)
            self.keep(tool, f"{path}[{index}]", context)
            tools.append(tool)
            context.pause()
        if len(names) > MOST_TOOLS:
            what = f"holds {len(names)} functions: declare at most {MOST_TOOLS}."
            raise self.invalid("invalid_value", at, what)
        if value and not tools and not context.drops_unsupported and not context.only_searches:
            context.only_searches = left_alone(value[0], f"{path}[0]", context)
        return tuple(tools)

    def keep(self, tool: Tool, path: str, context: ReadContext) -> None:
        """Handle a tool that is kept: a hook for subclasses."""

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        items = {"anyOf": [refer(tool) for tool in (*TOOLS.values(), *_NESTED, _HOSTED)]}
        return {"type": "array", "maxItems": MOST_TOOLS, "items": items}


def read_tool(raw: object, path: str, context: ReadContext) -> Tool | None:
    """Return the tool that its schema reads, or None if it is left out.

    Raises:
        InvalidField: its first fault.
    """
    given = object_at(raw, path)
    if given.get("type") is None:
        what = 'is required: "function" is the type of a tool that you run yourself.'
        raise InvalidField("missing_required_parameter", join(path, "type"), what)
    schema = TOOLS.get(type_at(given, path))
    if schema is None or is_search_of_ours(given) or container_of(given) is not None:
        return read_hosted(given, path, context)
    tool: Tool = schema.read(given, path, context)
    if isinstance(tool, NamespaceTool) and not tool.tools:
        return None  # all of its members were left out, and listed as ignored
    return tool
