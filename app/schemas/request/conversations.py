"""The request bodies of /v1/conversations (C1)."""

from __future__ import annotations

from typing import Any

from app.domain.items import InputItem
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer
from app.schemas.fields import TextMap
from app.schemas.invalid import InvalidField, array_at
from app.schemas.request.items.input import InputField

#: Maximum number of items that one call may add (N11).
MOST_ADDED = 20


class AddedItemsField(InputField):
    """Items to add to a conversation: an array of at most 20."""

    def check(self, value: Any, at: str, context: ReadContext) -> tuple[InputItem, ...]:
        array_at(value, self.path(at), MOST_ADDED)
        items = super().check(value, at, context)
        if context.trigger:
            what = "asks for an answer: send it at the end of the input of a response."
            raise InvalidField("unsupported_value", context.trigger, what)
        if context.only_searches and not context.added_tools:
            raise context.only_searches
        return items

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        array: dict[str, Any] = super().json_schema(refer)["anyOf"][1]
        return array | {"maxItems": MOST_ADDED}


class CreateConversationSchema(Document):
    about = "The initial content of a conversation; everything is optional."

    metadata = TextMap(16, 64, 512)
    items = AddedItemsField(about="The initial items.")


class UpdateConversationSchema(Document):
    about = "The conversation's new metadata, which replaces the old metadata completely."

    metadata = TextMap(16, 64, 512, required=True)


class AddItemsSchema(Document):
    about = "Items to add to the end of a conversation in one step."

    items = AddedItemsField(required=True, about="The items, in order.")


CREATE_CONVERSATION = CreateConversationSchema()
UPDATE_CONVERSATION = UpdateConversationSchema()
ADD_ITEMS = AddItemsSchema()
