"""Encodes conversations for Redis: their ids and their metadata.

Metadata is JSON, sealed if the conversation is encrypted with its caller's key
(store/encryption.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from app.domain.accounts.content_key import OPERATOR_KEY, ContentKey
from app.domain.turns.conversation import Conversation
from app.store.conversations.base import unknown_conversation
from app.store.encryption import SEALED, seal_of

_METADATA = b"metadata"


def packed_metadata(
    conversation_id: str, metadata: Mapping[str, str], key: ContentKey | None
) -> bytes:
    """Return metadata as it is stored."""
    data, seal = orjson.dumps(metadata), seal_of(key, conversation_id, _METADATA)
    return data if seal is None else seal.sealed(data)


def identity(value: bytes | None) -> tuple[str, str] | None:
    """Return the id and creation time from an index's `conversation`; None if it is deleted."""
    if value is None:
        return None
    conversation_id, created_at, deleted_at = value.decode().split(":")
    return None if deleted_at else (conversation_id, created_at)


def conversation_of(conversation_id: str, reply: Any, key: ContentKey | None) -> Conversation:
    """Return a conversation from a program's reply: its creation time and its metadata.

    Raises NotFound if the reply is empty.
    """
    if reply is None:
        raise unknown_conversation(conversation_id)
    created_at, metadata = reply[0], reply[1] or b"{}"
    is_encrypted = metadata[:1] == SEALED
    if is_encrypted:
        seal = None if key is OPERATOR_KEY else seal_of(key, conversation_id, _METADATA)
        metadata = b"{}" if seal is None else seal.opened(metadata)
    return Conversation(conversation_id, int(created_at), orjson.loads(metadata), is_encrypted)
