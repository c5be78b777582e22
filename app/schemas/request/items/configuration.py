"""Items that change how later answers are made (G3)."""

from __future__ import annotations

from typing import Any

from app.domain.answer_options import ConfigurationUpdate
from app.domain.models import EFFORTS
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Choice
from app.schemas.nesting import Nested
from app.schemas.request.items.fields import ItemId, ItemSchema
from app.schemas.request.text_options import TextFormatField


class InputChangedReasoningSchema(Document):
    about = "The reasoning effort from here on."

    effort = Choice(*EFFORTS)


class InputChangedTextSchema(Document):
    about = "The format of responses from here on."

    format = TextFormatField(required=True)


class InputConfigurationUpdateSchema(ItemSchema):
    about = (
        "Settings that override those of this request and later ones from here on, until another "
        "such item changes them."
    )

    type = Choice("configuration_update", required=True)
    reasoning = Nested(InputChangedReasoningSchema())
    text = Nested(InputChangedTextSchema(), about="The format of responses from here on.")
    id = ItemId()

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> ConfigurationUpdate:
        reasoning, text = found.get("reasoning", {}), found.get("text", {})
        return ConfigurationUpdate(found.get("id", ""), reasoning.get("effort"), text.get("format"))
