"""`conversations`: lists, shows, exports and deletes conversations that have ids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click
import orjson

from app.api import context
from app.cli.common.confirmation import ask_at_terminal, yes
from app.cli.common.group import OperatorGroup, json_line, operator, print_document
from app.cli.common.progress import print_line
from app.cli.common.tables import printable
from app.cli.common.values import date, limit, since
from app.domain.items import Item
from app.domain.request import INCLUDE_ENCRYPTED
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import PageQuery
from app.schemas.wire.conversations import CONVERSATION
from app.schemas.wire.items import ITEM
from app.services.conversations.service import Conversations

conversations = OperatorGroup("conversations", help="List, show, export and delete conversations.")

_ROW = "{:<53}  {:<17}  {}"
_MOST_ITEMS = 100
_id = click.argument("conversation_id", metavar="ID")


@conversations.command("list")
@click.option(
    "--account", required=True, metavar="NAME", help="The account that owns the conversations."
)
@limit
@since
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")
def list_conversations(
    account: str, limit: int | None, since: int | None, *, as_json: bool
) -> None:
    """List an account's conversations, oldest first, without their items."""
    context.services().archive.account(account)
    if not as_json:
        print_line(_ROW.format("ID", "CREATED", "METADATA"))
    walked = (each for each in _conversations().walk(account) if each.created_at >= (since or 0))
    for found in islice(walked, limit):
        row = _ROW.format(found.id, date(found.created_at), _metadata(found))
        print_line(json_line(_summary(found)) if as_json else row)


@conversations.command("show")
@_id
@click.option("--json", "as_json", is_flag=True, help="Print it as one line of JSON.")
def show(conversation_id: str, *, as_json: bool) -> None:
    """Print a conversation and all of its items as JSON.

    The items of a conversation that is encrypted with its caller's key are not printed.
    """
    found = _found(conversation_id)
    body = _summary(found)
    if not found.is_encrypted:
        body["items"] = ITEM.dump_all(_items(conversation_id))
    print_document(body, as_json=as_json)


@conversations.command("export")
@_id
def export(conversation_id: str) -> None:
    """Print a conversation's items, one line of JSON per item."""
    if _found(conversation_id).is_encrypted:
        raise click.ClickException(
            f"Conversation {conversation_id} is encrypted with its caller's key: it can be listed "
            "and deleted, and its items cannot be read."
        )
    for item in _items(conversation_id):
        print_line(json_line(ITEM.dump(item)))


@conversations.command("delete")
@click.argument("conversation_ids", metavar="ID...", nargs=-1, required=True)
@yes
def delete(conversation_ids: tuple[str, ...], *, is_sure: bool) -> None:
    """Hide conversations from their account, as DELETE does; a purge destroys them later.

    Asks for confirmation at a terminal.
    """
    ask_at_terminal(f"Conversations to delete: {len(conversation_ids)}.", is_sure=is_sure)
    service, accounts = _conversations(), context.services().accounts
    for conversation_id in conversation_ids:
        caller = service.operator_of(conversation_id)
        accounts.record("conversation.delete", conversation_id, caller.account, by=operator())
        service.delete(caller, conversation_id)
        print_line(f"{conversation_id} deleted")


def _conversations() -> Conversations:
    return context.services().conversations


def _found(conversation_id: str) -> Conversation:
    service = _conversations()
    return service.get(service.operator_of(conversation_id), conversation_id)


def _summary(found: Conversation) -> dict[str, Any]:
    """Return a conversation's fields; the metadata of an encrypted one cannot be read here."""
    body: dict[str, Any] = CONVERSATION.dump(found)
    return body | {"encrypted": True} if found.is_encrypted else body


def _metadata(found: Conversation) -> str:
    if found.is_encrypted:
        return "(encrypted)"
    return printable(orjson.dumps(dict(found.metadata)).decode())


def _items(conversation_id: str) -> Iterator[Item]:
    service, after = _conversations(), None
    caller, include = service.operator_of(conversation_id), frozenset({INCLUDE_ENCRYPTED})
    while True:
        query = PageQuery("asc", _MOST_ITEMS, after)
        page = service.items(caller, conversation_id, query, include)
        yield from page.items
        if not page.has_more:
            return
        after = page.last_id
