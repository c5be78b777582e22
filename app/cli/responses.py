"""`responses`: lists, shows, exports, deletes and purges what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import click

from app.api import context
from app.cli.common.confirmation import ask_at_terminal, yes
from app.cli.common.group import OperatorGroup, json_line, operator, print_document
from app.cli.common.progress import print_line, watched
from app.cli.common.tables import printable
from app.cli.common.values import date, limit, since
from app.cli.purge import purge
from app.services.responses.archive import Archive
from app.store.responses.archive_base import Archived

responses = OperatorGroup("responses", help="List, show, export, delete and purge responses.")
responses.add_command(purge)

_ROW = "{:<53}  {:<11}  {:<17}  {:<17}  {}"

_account = click.option(
    "--account", required=True, metavar="NAME", help="The account that owns the responses."
)


@responses.command("list")
@_account
@limit
@since
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")
def list_responses(account: str, limit: int | None, since: int | None, *, as_json: bool) -> None:
    """List an account's responses, grouped by conversation, without their content.

    With --since, purged responses are left out: their creation time is no longer known.
    """
    walked = islice((each for each in _walk(account) if _is_since(each, since)), limit)
    if not as_json:
        print_line(_ROW.format("ID", "STATUS", "CREATED", "DELETED", "MODEL"))
    for found in walked:
        print_line(json_line(_summary(found)) if as_json else _ROW.format(*_cells(found)))


@responses.command("show")
@click.argument("response_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print it as one line of JSON.")
def show(response_id: str, *, as_json: bool) -> None:
    """Print a whole response as JSON, even if it was deleted."""
    print_document(_archive().show(response_id).json(), as_json=as_json)


@responses.command("delete")
@click.argument("response_ids", metavar="ID...", nargs=-1, required=True)
@yes
def delete(response_ids: tuple[str, ...], *, is_sure: bool) -> None:
    """Hide responses from their account, as DELETE does; a purge destroys them later.

    Asks for confirmation at a terminal.
    """
    ask_at_terminal(f"Responses to delete: {len(response_ids)}.", is_sure=is_sure)
    archive = _archive()
    for response_id in watched(response_ids, len(response_ids), "responses"):
        was_there = archive.delete(response_id, by=operator())
        print_line(f"{response_id} {'deleted' if was_there else 'was already deleted'}")


@responses.command("export")
@_account
def export(account: str) -> None:
    """Print everything that an account has stored, one line of JSON per response."""
    for found in _walk(account):
        print_line(json_line(found.json()))


@responses.command("relist")
@click.option("--account", metavar="NAME", help="Only entries of this account.")
def relist(account: str | None) -> None:
    """Add responses that an earlier release stored to the lists of the console.

    Run it once, after an upgrade from a release without the console; later responses are listed
    without it.
    """
    services = context.services()
    if account is not None:
        services.archive.account(account)
    names = [account] if account else [each.name for each in services.accounts.accounts()]
    for name in names:
        conversations = watched(
            services.console.relist(name), services.archive.conversations(name), "conversations"
        )
        print_line(f"{name} {sum(conversations)} responses listed")


def _archive() -> Archive:
    return context.services().archive


def _walk(account: str) -> Iterator[Archived]:
    """Return an account's responses; raise at once if there is no such account."""
    archive = _archive()
    archive.account(account)
    conversations = archive.responses(account)
    walked = watched(conversations, archive.conversations(account), "conversations")
    return (found for conversation in walked for found in conversation)


def _is_since(found: Archived, since: int | None) -> bool:
    if since is None:
        return True
    return found.created_at is not None and found.created_at >= since


def _summary(found: Archived) -> dict[str, object]:
    response = found.turn.response if found.turn else None
    return {
        "id": found.response_id,
        "status": found.status,
        "model": response.model if response else None,
        "created_at": found.created_at,
        "deleted_at": found.deleted_at,
        "purged": found.is_purged,
        "encrypted": found.is_encrypted,
    }


def _cells(found: Archived) -> Iterator[str]:
    response = found.turn.response if found.turn else None
    yield found.response_id
    yield found.status
    yield date(found.created_at)
    yield date(found.deleted_at)
    hidden = "(encrypted)" if found.is_encrypted else "(purged)"
    yield printable(response.model) if response else hidden
