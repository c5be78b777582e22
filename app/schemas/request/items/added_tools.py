"""Tools that an input item declares, in addition to the request's own (G3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.hosted.item import is_search_elsewhere
from app.domain.items import AdditionalTools
from app.domain.tools import HostedTool, SingleTool, Tool, members_of, own_names
from app.domain.tools.deferred import without_secrets
from app.schemas.field import AddedTool, ReadContext
from app.schemas.fields import Choice, String
from app.schemas.invalid import object_at
from app.schemas.request.bounds import LONGEST_CALL_ID, LONGEST_TEXT, STATUSES
from app.schemas.request.items.fields import ItemId, ItemSchema
from app.schemas.request.items.hosted import InputHostedItemSchema
from app.schemas.request.tools.field import ToolsField
from app.schemas.request.tools.namespaces import taken
from app.schemas.search_arguments import SearchArguments


class AddedToolsField(ToolsField):
    """Tools in the form of a request's; each is added to the context with its path."""

    def keep(self, tool: Tool, path: str, context: ReadContext) -> None:
        context.added_tools.append(AddedTool(tool, path))


class FoundToolsField(ToolsField):
    """Tools that a search has found, each as declared at the time of that search."""

    def keep(self, tool: Tool, path: str, context: ReadContext) -> None:
        context.added_tools.append(AddedTool(tool, path, may_replace=True))


class InputAdditionalToolsSchema(ItemSchema):
    about = "Tools that the model has from here on, in addition to those of the request."
    values = (AdditionalTools,)

    type = Choice("additional_tools", required=True)
    tools = AddedToolsField(required=True)
    role = Choice("developer", default="developer")
    id = ItemId()


_ELSEWHERE = InputHostedItemSchema()
_WHO = (
    "Who ran the search. What a server ran is kept unchanged; for models it is described as text."
)


class _SearchSchema(ItemSchema):
    """A tool search that the caller ran, or another server (R24)."""

    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    execution = Choice("server", "client", about=_WHO)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")

    def read(self, raw: object, path: str, context: ReadContext) -> Any:
        """Return the item; see Document."""
        given = object_at(raw, path)
        if is_search_elsewhere(given):
            return _ELSEWHERE.read(without_secrets(given), path, context)
        return super().read(given, path, context)


class InputToolSearchCallSchema(_SearchSchema):
    about = "A tool search that the model requested and the caller ran."
    values = (ToolSearchCall,)

    type = Choice("tool_search_call", required=True)
    arguments = SearchArguments(
        required=True, longest=LONGEST_TEXT, about="The search arguments: an object or a string."
    )


class InputToolSearchOutputSchema(_SearchSchema):
    about = "The tools that a search found; the model has them from here on."
    values = (ToolSearchOutput,)

    type = Choice("tool_search_output", required=True)
    tools = FoundToolsField(required=True)


def refuse_clashes(tools: Sequence[Tool], added: Sequence[AddedTool]) -> None:
    """Check that tools declared by items use no name of another tool; repetitions are allowed.

    A tool found by a search is the same if its kind and namespace are, whatever its parameters
    are by now: else a conversation in which a tool has changed could not continue.

    Raises:
        InvalidField: one has the name of another tool.
    """
    known = {each.name: (tool, each) for tool in tools for each in members_of((tool,))}
    for tool, path, may_replace in added:
        for each in members_of((tool,)) if path else ():
            if isinstance(each, HostedTool):
                continue  # its server checks their number
            earlier, other = known.setdefault(each.name, (tool, each))
            is_same = (
                _origin(earlier, other) == _origin(tool, each) if may_replace else other == each
            )
            if not is_same:
                raise taken(each, path)


def _origin(tool: Tool, member: SingleTool) -> tuple[type, tuple[str, str] | None]:
    """Return a tool's identity without its parameters: its kind, namespace and name."""
    return type(member), own_names((tool,)).get(member.name)
