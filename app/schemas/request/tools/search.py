"""Tool searches that the caller runs (G3)."""

from __future__ import annotations

from app.domain.tools import ToolSearchTool
from app.schemas.document import Document
from app.schemas.fields import Choice, FreeObject, String
from app.schemas.request.bounds import LONGEST_DESCRIPTION


class InputToolSearchToolSchema(Document):
    about = "A tool search that the caller runs; one that the server is to run is ignored."
    values = (ToolSearchTool,)

    type = Choice("tool_search", required=True)
    execution = Choice("server", "client")
    description = String(longest=LONGEST_DESCRIPTION)
    parameters = FreeObject(about="A JSON schema of the arguments.")
