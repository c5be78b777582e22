"""Tools that an item of the input brings, beside those of the request (G3)."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.items import AdditionalTools
from app.domain.tools import Tool, members_of
from app.schemas.field import ReadContext
from app.schemas.fields import Choice
from app.schemas.request.items.fields import ItemId, ItemSchema
from app.schemas.request.tools.field import ToolsField
from app.schemas.request.tools.namespaces import taken


class AddedToolsField(ToolsField):
    """Tools as a request declares them; the context is given each with its path."""

    def keep(self, tool: Tool, path: str, context: ReadContext) -> None:
        context.added_tools.append((tool, path))


class InputAdditionalToolsSchema(ItemSchema):
    about = "Tools that the model has from here on, beside those of the request."
    values = (AdditionalTools,)

    type = Choice("additional_tools", required=True)
    tools = AddedToolsField(required=True)
    role = Choice("developer", default="developer")
    id = ItemId()


def refuse_clashes(tools: Sequence[Tool], added: Sequence[tuple[Tool, str]]) -> None:
    """Hold tools that items bring to the names that are left; the same tool may come again.

    Raises:
        InvalidField: one has the name of another tool.
    """
    known = {each.name: each for each in members_of(tools)}
    for tool, path in added:
        for each in members_of((tool,)) if path else ():
            if known.setdefault(each.name, each) != each:
                raise taken(each.name, f"{path}.name")
