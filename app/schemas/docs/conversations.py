"""The operations of /v1/conversations (C1)."""

from __future__ import annotations

from app.schemas.docs.elements import (
    JSON,
    KEYED,
    Json,
    answer,
    include,
    page_parameters,
    path_parameter,
)
from app.schemas.docs.errors import errors
from app.schemas.docs.examples import conversation, deleted_conversation, item, items
from app.schemas.request.conversations import (
    AddItemsSchema,
    CreateConversationSchema,
    UpdateConversationSchema,
)
from app.schemas.wire.answers import ItemListSchema
from app.schemas.wire.conversations import ConversationSchema, DeletedConversationSchema

CONVERSATIONS = "/v1/conversations"
_ONE = f"{CONVERSATIONS}/{{conversation_id}}"
_ITEM = {"$ref": "#/components/schemas/Item"}


_CONV = {"type": "string", "pattern": "^conv_[A-Za-z0-9_-]{1,123}$"}
_ID = path_parameter("conversation_id", _CONV, "The conversation's id.")
_ITEM_ID = path_parameter("item_id", {"type": "string", "pattern": ".+"}, "The item's id.")


def conversation_operations() -> dict[str, dict[str, Json]]:
    """Return every operation on conversations and their items."""
    whole = answer("The conversation.", ConversationSchema(), conversation())
    deleted = answer("Confirms the deletion.", DeletedConversationSchema(), deleted_conversation())
    page = answer("A page of items.", ItemListSchema(), items())
    one = answer("The item.", _ITEM, item())
    gone = "Remove an item; earlier responses are not affected."
    listed = (_ID, *page_parameters(), include())
    return {
        CONVERSATIONS: {
            "post": _sent(CreateConversationSchema(), required=False)
            | _operation("createConversation", "Create a conversation.", whole),
        },
        _ONE: {
            "get": _operation("retrieveConversation", "Retrieve a conversation.", whole, _ID),
            "post": _sent(UpdateConversationSchema())
            | _operation("updateConversation", "Replace a conversation's metadata.", whole, _ID),
            "delete": _operation(
                "deleteConversation", "Delete a conversation; its responses are kept.", deleted, _ID
            ),
        },
        f"{_ONE}/items": {
            "post": _sent(AddItemsSchema())
            | _operation(
                "addItems", "Add items to the end of a conversation in one step.", page, _ID
            ),
            "get": _operation("listItems", "List a conversation's items.", page, *listed),
        },
        f"{_ONE}/items/{{item_id}}": {
            "get": _operation("retrieveItem", "Retrieve an item.", one, _ID, _ITEM_ID, include()),
            "delete": _operation("deleteItem", gone, whole, _ID, _ITEM_ID),
        },
    }


def _operation(operation_id: str, summary: str, success: Json, *parameters: Json) -> Json:
    return {
        "operationId": operation_id,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {"200": success} | errors(400, 404, 408, 413, 415, *KEYED),
    }


def _sent(schema: object, *, required: bool = True) -> Json:
    return {"requestBody": {"required": required, "content": {JSON: {"schema": schema}}}}
