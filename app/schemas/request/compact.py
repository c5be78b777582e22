"""The body of POST /v1/responses/compact (G6): a conversation, and the model to compact it."""

from __future__ import annotations

import dataclasses
from typing import Any

from marshmallow import Schema

from app.domain.request import CreateRequest
from app.schemas.field import ReadContext
from app.schemas.request.create import CreateRequestSchema
from app.schemas.request.foreign import UnsupportedField
from app.schemas.request.items.input import InputField


class _Options(Schema.Meta):
    fields = (
        "model",
        "input",
        "previous_response_id",
        "conversation",
        "instructions",
        "reasoning",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "safety_identifier",
        "user",
    )


class CompactRequestSchema(CreateRequestSchema):
    about = "The conversation to compact: items, the context of a stored response, or both."

    Meta = _Options
    conversation = UnsupportedField(  # type: ignore[assignment] # here it is not offered
        "send its items as the input."
    )
    input = InputField(about="The input to compact. Optional with previous_response_id.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        request = super().build(found, path, context)
        return dataclasses.replace(request, store=False, compaction="endpoint")


COMPACT_REQUEST = CompactRequestSchema()
