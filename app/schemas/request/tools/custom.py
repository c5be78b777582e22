"""Custom tools, which take a text instead of JSON (G1)."""

from __future__ import annotations

from typing import Any

from app.domain.tools import CustomTool, InputGrammar, PlainInput
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Boolean, Choice, String
from app.schemas.nesting import Nested, OneOf
from app.schemas.program import InputCallersField
from app.schemas.request.bounds import LONGEST_DESCRIPTION, NAME, NAME_HINT
from app.schemas.request.tools.functions import DEFERRED


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
    defer_loading = Boolean(about=DEFERRED)
    allowed_callers = InputCallersField()

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CustomTool:
        return CustomTool(
            found["name"],
            found.get("description"),
            found.get("format", PlainInput()),
            found.get("defer_loading"),
            found.get("allowed_callers"),
        )
