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
    about = "What the model supports: parameters that are honoured, not merely accepted."

    reasoning = Boolean(
        about="Whether the model reasons; null if unknown.", attribute="facts.reasoning", **OR_NULL
    )
    reasoning_efforts = WordList(
        *EFFORTS, about="The supported values of `reasoning.effort`.", **ALWAYS
    )
    structured_outputs = Boolean(
        about="Whether output that matches a JSON schema is supported.",
        attribute="honoured.structured_outputs",
        **ALWAYS,
    )
    parallel_tool_calls = Boolean(
        about="Whether parallel tool calls can be turned off.",
        attribute="honoured.parallel_tool_calls",
        **ALWAYS,
    )
    verbosity = Boolean(
        about="Whether `text.verbosity` is honoured.", attribute="honoured.verbosity", **ALWAYS
    )
    logprobs = Boolean(
        about="Whether `top_logprobs` is honoured.", attribute="honoured.logprobs", **ALWAYS
    )
    seed = Boolean(about="Whether `seed` is honoured.", attribute="honoured.seed", **ALWAYS)
    hosted_tools = WordList(
        *HOSTED_TOOLS,
        about="The types of hosted tools that the provider runs.",
        attribute="policy.tools_in_order",
        **ALWAYS,
    )
    forwarded = Strings(
        about='Fields that are forwarded to the provider unchanged; "all" stands for every field '
        "that is unknown to the gateway.",
        attribute="policy.fields_in_order",
        **ALWAYS,
    )


class ModelSchema(ValueSchema[ModelCard]):
    about = "A model that this key may use."

    id = String(shortest=1, **ALWAYS)
    object = Choice("model", **ALWAYS)
    created = Integer(
        0,
        about="When the model was created, in Unix seconds; 0 if unknown.",
        attribute="facts.created_at",
        dump_default=0,
        **ALWAYS,
    )
    owned_by = String(
        about="The name of the model's provider in the gateway's configuration.", **ALWAYS
    )
    display_name = String(
        about="The display name; null if unknown.",
        attribute="facts.display_name",
        **OR_NULL,
    )
    context_window = Integer(
        1,
        about="The size of the context window, in tokens.",
        attribute="facts.context_window",
        **OR_NULL,
    )
    max_output_tokens = Integer(
        1,
        about="The maximum number of output tokens.",
        attribute="facts.max_output_tokens",
        **OR_NULL,
    )
    input_modalities = WordList(
        *MODALITIES,
        about="The input modalities; null if unknown.",
        attribute="facts.input_modalities",
        **OR_NULL,
    )
    output_modalities = WordList(
        "text", about="The output modalities.", attribute="output_modalities", **ALWAYS
    )
    supports = Nested(
        ModelSupportsSchema(), itself=True, about="What the model supports.", **ALWAYS
    )


MODEL = ModelSchema()


class ModelListSchema(ValueSchema[Iterable[ModelCard]]):
    about = "The models that this key may use."

    object = Choice("list", **ALWAYS)
    data = ListOf(MODEL, itself=True, about="The models.", **ALWAYS)


MODEL_LIST = ModelListSchema()
