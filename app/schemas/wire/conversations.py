"""Conversations as callers see them."""

from __future__ import annotations

from app.domain.turns.conversation import Conversation
from app.schemas.fields import Choice, Integer, String, TextMap
from app.schemas.wire.answers import AlwaysTrue
from app.schemas.wire.document import ALWAYS, ValueSchema


class ConversationSchema(ValueSchema[Conversation]):
    about = "A conversation, without its items."
    values = (Conversation,)

    id = String(pattern="conv_[A-Za-z0-9_-]{1,123}", hint="must begin with conv_", **ALWAYS)
    object = Choice("conversation", **ALWAYS)
    created_at = Integer(0, **ALWAYS)
    metadata = TextMap(16, 64, 512, **ALWAYS)


class DeletedConversationSchema(ValueSchema[str]):
    about = "Confirmation of a deletion."
    values = (str,)

    id = String(itself=True, **ALWAYS)
    object = Choice("conversation.deleted", **ALWAYS)
    deleted = AlwaysTrue(**ALWAYS)


CONVERSATION = ConversationSchema()
DELETED_CONVERSATION = DeletedConversationSchema()
