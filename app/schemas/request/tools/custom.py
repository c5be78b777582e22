"""Custom tools, which take text instead of JSON (G1)."""

from __future__ import annotations

from typing import Any

from app.domain.tools import CustomTool, InputGrammar, PlainInput
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Boolean, Choice, String
from app.schemas.nesting import Nested, OneOf
from app.schemas.program import InputCallersField
from app.schemas.request.bounds import LONGEST_DESCRIPTION, NAME, NAME_HINT
from app.schemas.request.tools.functions import DEFERRED, is_nested


class InputTextFormatSchema(Document):
    about = "Any text."

    type = Choice("text", required=True)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> PlainInput:
        return PlainInput()


class NestedGrammarSchema(Document):
    about = "A grammar in the nested format of Chat Completions."

    syntax = Choice("lark", "regex", required=True)
    definition = String(required=True, shortest=1, longest=LONGEST_DESCRIPTION)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> InputGrammar:
        return InputGrammar(found["syntax"], found["definition"])


class NestedGrammarFormatSchema(Document):
    about = (
        "A grammar in the format of Chat Completions: accepted, and returned in this API's format."
    )

    type = Choice("grammar", required=True)
    grammar = Nested(NestedGrammarSchema(), required=True, about="The grammar.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> InputGrammar:
        grammar: InputGrammar = found["grammar"]
        return grammar


class InputGrammarSchema(NestedGrammarSchema):
    about = (
        "A text that follows this grammar. Models are shown the grammar, but not forced to "
        "follow it."
    )

    type = Choice("grammar", required=True)

    def read(self, raw: object, path: str, context: ReadContext) -> InputGrammar:
        """Return the grammar, in whichever of the two forms it is (R21).

        Raises:
            InvalidField: its first fault.
        """
        form = _NESTED_FORMAT.read if is_nested(raw, "syntax", "grammar") else super().read
        grammar: InputGrammar = form(raw, path, context)
        return grammar


_NESTED_FORMAT = NestedGrammarFormatSchema()
_FORMATS = OneOf[PlainInput | InputGrammar](
    InputTextFormatSchema(), _NESTED_FORMAT, InputGrammarSchema()
)


class NestedCustomSchema(Document):
    about = "A custom tool in the nested format of Chat Completions."

    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    format = Nested(_FORMATS)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CustomTool:
        return CustomTool(
            found["name"], found.get("description"), found.get("format", PlainInput())
        )


class NestedCustomToolSchema(Document):
    about = (
        "A custom tool in the format of Chat Completions: accepted, and returned in this API's "
        "format (R21)."
    )

    type = Choice("custom", required=True)
    custom = Nested(NestedCustomSchema(), required=True, about="The tool.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CustomTool:
        tool: CustomTool = found["custom"]
        return tool


#: The form of Chat Completions, which is accepted as well.
NESTED_CUSTOM = NestedCustomToolSchema()


class InputCustomToolSchema(Document):
    about = "A tool that the caller runs, with free text as its input."

    type = Choice("custom", required=True)
    name = String(required=True, pattern=NAME, hint=NAME_HINT)
    description = String(longest=LONGEST_DESCRIPTION)
    format = Nested(_FORMATS)
    defer_loading = Boolean(about=DEFERRED)
    allowed_callers = InputCallersField()

    def read(self, raw: object, path: str, context: ReadContext) -> CustomTool:
        """Return the tool, in whichever of the two forms it is.

        Raises:
            InvalidField: its first fault.
        """
        form = NESTED_CUSTOM.read if is_nested(raw, "name", "custom") else super().read
        tool: CustomTool = form(raw, path, context)
        return tool

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CustomTool:
        return CustomTool(
            found["name"],
            found.get("description"),
            found.get("format", PlainInput()),
            found.get("defer_loading"),
            found.get("allowed_callers"),
        )
