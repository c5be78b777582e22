"""/v1/conversations"""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.bodies import json_body, optional_json_body, read_context
from app.api.http.content_key import take_content_key
from app.api.http.json_response import ignored_parameters, json_response
from app.api.http.queries import include_values, page_query
from app.domain.items import Item
from app.domain.turns.page import Page
from app.schemas.request.conversations import (
    ADD_ITEMS,
    CREATE_CONVERSATION,
    UPDATE_CONVERSATION,
)
from app.schemas.wire.answers import ITEM_LIST
from app.schemas.wire.conversations import CONVERSATION, DELETED_CONVERSATION
from app.schemas.wire.items import ITEM
from app.services.conversations.service import Conversations

bp = Blueprint("conversations", __name__, url_prefix="/v1/conversations")
auth.require_key(bp)
take_content_key(bp)


def _conversations() -> Conversations:
    return context.services().conversations


@bp.post("")
def create() -> ResponseReturnValue:
    """Begin a conversation."""
    reading = read_context()
    body = CREATE_CONVERSATION.load(optional_json_body(context.current()), context=reading)
    metadata, items = body.get("metadata", {}), body.get("items", ())
    made = _conversations().create(context.caller(), metadata, items)
    return json_response(CONVERSATION.dump(made), ignored_parameters(reading.ignored))


@bp.get("/<conversation_id>")
def retrieve(conversation_id: str) -> ResponseReturnValue:
    """Retrieve a conversation."""
    found = _conversations().get(context.caller(), conversation_id)
    return json_response(CONVERSATION.dump(found))


@bp.post("/<conversation_id>")
def update(conversation_id: str) -> ResponseReturnValue:
    """Replace a conversation's metadata."""
    reading = read_context()
    body = UPDATE_CONVERSATION.load(json_body(context.current()), context=reading)
    changed = _conversations().update(context.caller(), conversation_id, body["metadata"])
    return json_response(CONVERSATION.dump(changed), ignored_parameters(reading.ignored))


@bp.delete("/<conversation_id>")
def delete(conversation_id: str) -> ResponseReturnValue:
    """Soft-delete a conversation; its responses stay."""
    _conversations().delete(context.caller(), conversation_id)
    return json_response(DELETED_CONVERSATION.dump(conversation_id))


@bp.post("/<conversation_id>/items")
def add_items(conversation_id: str) -> ResponseReturnValue:
    """Add items at the end of a conversation."""
    reading = read_context()
    body = ADD_ITEMS.load(json_body(context.current()), context=reading)
    items: tuple[Item, ...] = _conversations().add(context.caller(), conversation_id, body["items"])
    page = ITEM_LIST.dump(Page(items, has_more=False))
    return json_response(page, ignored_parameters(reading.ignored))


@bp.get("/<conversation_id>/items")
def list_items(conversation_id: str) -> ResponseReturnValue:
    """List a conversation's items, a page at a time."""
    query, include = page_query(), include_values()
    page = _conversations().items(context.caller(), conversation_id, query, include)
    return json_response(ITEM_LIST.dump(page))


@bp.get("/<conversation_id>/items/<item_id>")
def retrieve_item(conversation_id: str, item_id: str) -> ResponseReturnValue:
    """Retrieve an item of a conversation."""
    include = include_values()
    item = _conversations().item(context.caller(), conversation_id, item_id, include)
    return json_response(ITEM.dump(item))


@bp.delete("/<conversation_id>/items/<item_id>")
def delete_item(conversation_id: str, item_id: str) -> ResponseReturnValue:
    """Remove an item from a conversation; responses already made from it do not change."""
    left = _conversations().remove_item(context.caller(), conversation_id, item_id)
    return json_response(CONVERSATION.dump(left))
