"""Models as /v1/models lists them: OpenAI's form with additional keys (G10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.models import EFFORTS, MODALITIES, ModelCard
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, Choice, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.accounts import Strings
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema
from app.settings import HOSTED_TOOLS


class WordList(StrictField):
    """An array of some of the given words, in their order."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def check(self, value: Any, at: str, context: ReadContext) -> list[str]:
        if type(value) is not list:
            raise self.mistyped(at, "an array", value)
        if value != [each for each in self.words if each in value]:
            raise self.invalid("invalid_value", at, f"must hold {', '.join(self.words)} in order.")
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": list(self.words)}}

    def dump_code(self, value: str, bind: Any) -> str:
        return f"list({value})"


class ModelSupportsSchema(ValueSchema[ModelCard]):
    about = "What can be asked of it: parameters that are honoured, not only taken."

    reasoning = Boolean(
        about="Whether it thinks; null where nobody says.", attribute="facts.reasoning", **OR_NULL
    )
    reasoning_efforts = WordList(*EFFORTS, about="Values of `reasoning.effort`.", **ALWAYS)
    structured_outputs = Boolean(
        about="Whether text of a JSON schema can be asked for.",
        attribute="honoured.structured_outputs",
        **ALWAYS,
    )
    parallel_tool_calls = Boolean(
        about="Whether it can be kept from them.",
        attribute="honoured.parallel_tool_calls",
        **ALWAYS,
    )
    verbosity = Boolean(
        about="Whether `text.verbosity` is.", attribute="honoured.verbosity", **ALWAYS
    )
    logprobs = Boolean(about="Whether `top_logprobs` is.", attribute="honoured.logprobs", **ALWAYS)
    seed = Boolean(about="Whether `seed` is.", attribute="honoured.seed", **ALWAYS)
    hosted_tools = WordList(
        *HOSTED_TOOLS,
        about="Types of the tools that its provider runs.",
        attribute="policy.tools_in_order",
        **ALWAYS,
    )
    forwarded = Strings(
        about='Fields that its provider is sent as they come; "all": whatever is not known here.',
        attribute="policy.fields_in_order",
        **ALWAYS,
    )


class ModelSchema(ValueSchema[ModelCard]):
    about = "A model that this key may use."

    id = String(shortest=1, **ALWAYS)
    object = Choice("model", **ALWAYS)
    created = Integer(
        0,
        about="Unix seconds; 0 where unknown.",
        attribute="facts.created_at",
        dump_default=0,
        **ALWAYS,
    )
    owned_by = String(about="The name of its provider here.", **ALWAYS)
    display_name = String(
        about="What people call it; null where nobody says.",
        attribute="facts.display_name",
        **OR_NULL,
    )
    context_window = Integer(
        1, about="The most tokens that it reads.", attribute="facts.context_window", **OR_NULL
    )
    max_output_tokens = Integer(
        1, about="The most that it writes.", attribute="facts.max_output_tokens", **OR_NULL
    )
    input_modalities = WordList(
        *MODALITIES,
        about="What it reads; null where nobody says.",
        attribute="facts.input_modalities",
        **OR_NULL,
    )
    output_modalities = WordList(
        "text", about="What it writes.", attribute="output_modalities", **ALWAYS
    )
    supports = Nested(
        ModelSupportsSchema(), itself=True, about="What can be asked of it.", **ALWAYS
    )


MODEL = ModelSchema()


class ModelListSchema(ValueSchema[Iterable[ModelCard]]):
    about = "The models that this key may use."

    object = Choice("list", **ALWAYS)
    data = ListOf(MODEL, itself=True, about="The models.", **ALWAYS)


MODEL_LIST = ModelListSchema()
