"""The responses of the console's reads: lists of rows, and the caller's session."""

from __future__ import annotations

from typing import Any

from app.domain.accounts.accounts import ConsoleSession
from app.domain.turns.listing import ListPage
from app.domain.turns.summary import PendingList
from app.schemas.console.rows import (
    ConversationRowSchema,
    ConversationTreeSchema,
    JobRowSchema,
    RequestRowSchema,
    ResponseRowSchema,
)
from app.schemas.field import Bind
from app.schemas.fields import Boolean, Choice, Integer, String, StringList
from app.schemas.nesting import ListOf
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema, WireSchema


class PageFields(WireSchema):
    """The keys of a list besides its rows."""

    object = Choice("list", **ALWAYS)
    next = String(about="The value of `after` for the next page; null if there is none.", **OR_NULL)
    examined = Integer(0, about="The number of entries that were examined.", **ALWAYS)
    truncated = Boolean(
        attribute="is_cut",
        about="Whether the limit of entries to examine was reached before the page was full.",
        **ALWAYS,
    )


class ResponsePageSchema(PageFields, ValueSchema[ListPage[Any]]):
    values = (ListPage,)

    data = ListOf(ResponseRowSchema(), attribute="rows", **ALWAYS)


class ConversationPageSchema(PageFields, ValueSchema[ListPage[Any]]):
    values = (ListPage,)

    data = ListOf(ConversationRowSchema(), attribute="rows", **ALWAYS)


class RequestPageSchema(PageFields, ValueSchema[ListPage[Any]]):
    values = (ListPage,)

    data = ListOf(RequestRowSchema(), attribute="rows", **ALWAYS)


class JobListSchema(ValueSchema[PendingList]):
    values = (PendingList,)

    object = Choice("list", **ALWAYS)
    truncated = Boolean(attribute="is_cut", about="Whether there are more.", **ALWAYS)
    data = ListOf(JobRowSchema(), attribute="rows", **ALWAYS)


class Inverted(Boolean):
    """true for false."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"not {value}"


class Names(StringList):
    """An array of a tuple of names."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"list({value})"


class SessionSchema(ValueSchema[ConsoleSession]):
    about = "The caller and their permissions."
    values = (ConsoleSession,)

    object = Choice("console.session", **ALWAYS)
    account = String(attribute="caller.account", **ALWAYS)
    key_id = String(attribute="caller.key_id", **ALWAYS)
    read_only = Boolean(attribute="caller.read_only", **ALWAYS)
    background = Boolean(attribute="caller.background", **ALWAYS)
    store = Inverted(attribute="caller.force_no_store", **ALWAYS)
    usage_metadata_keys = Names(**ALWAYS)
    request_log = Boolean(attribute="logs_requests", **ALWAYS)


RESPONSE_PAGE, CONVERSATION_PAGE = ResponsePageSchema(), ConversationPageSchema()
REQUEST_PAGE, JOB_LIST = RequestPageSchema(), JobListSchema()
TREE, SESSION = ConversationTreeSchema(), SessionSchema()
