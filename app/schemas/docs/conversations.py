"""The operations of /v1/conversations (C1)."""

from __future__ import annotations

from app.schemas.docs.elements import JSON, KEYED, Json, answer, include, page_parameters
from app.schemas.docs.errors import errors
from app.schemas.request.conversations import (
    AddItemsSchema,
    CreateConversationSchema,
    UpdateConversationSchema,
)
from app.schemas.wire.answers import ItemListSchema
from app.schemas.wire.conversations import ConversationSchema, DeletedConversationSchema
from app.schemas.wire.items import ITEM

CONVERSATIONS = "/v1/conversations"
_ONE = f"{CONVERSATIONS}/{{conversation_id}}"
_BODY = (400, 404, 408, 413, 415, *KEYED)


def conversation_operations() -> dict[str, dict[str, Json]]:
    """Return every operation on conversations and their items."""
    one = _path("conversation_id", "^conv_[A-Za-z0-9_-]{1,123}$")
    item = _path("item_id", ".+")
    whole = answer("The conversation.", ConversationSchema())
    page = answer("A page of items.", ItemListSchema())
    read = errors(400, 404, *KEYED)
    return {
        CONVERSATIONS: {
            "post": _operation("createConversation", "Begin a conversation.", whole, errors(*_BODY))
            | _body(CreateConversationSchema()),
        },
        _ONE: {
            "get": _operation("retrieveConversation", "Retrieve a conversation.", whole, read, one),
            "post": _operation(
                "updateConversation", "Replace its metadata.", whole, errors(*_BODY), one
            )
            | _body(UpdateConversationSchema()),
            "delete": _operation(
                "deleteConversation",
                "Delete a conversation; its responses stay.",
                answer("It is deleted.", DeletedConversationSchema()),
                read,
                one,
            ),
        },
        f"{_ONE}/items": {
            "post": _operation(
                "addItems", "Add items at its end, in one step.", page, errors(*_BODY), one
            )
            | _body(AddItemsSchema()),
            "get": _operation(
                "listItems", "List its items.", page, read, one, *page_parameters(), include()
            ),
        },
        f"{_ONE}/items/{{item_id}}": {
            "get": _operation(
                "retrieveItem",
                "Retrieve an item.",
                answer("The item.", ITEM),
                read,
                one,
                item,
                include(),
            ),
            "delete": _operation(
                "deleteItem",
                "Take an item out; what was answered before has seen it.",
                whole,
                read,
                one,
                item,
            ),
        },
    }


def _operation(
    operation_id: str, summary: str, success: Json, failures: Json, *parameters: Json
) -> Json:
    return {
        "operationId": operation_id,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {"200": success} | failures,
    }


def _body(schema: object) -> Json:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def _path(name: str, pattern: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"in": "path", "name": name, "required": True, "schema": schema}
