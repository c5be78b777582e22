"""`responses`: what is stored, looked through, taken out, hidden and destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import click
import orjson

from app.api import context
from app.cli.common.confirmation import make_sure, yes
from app.cli.common.group import OperatorGroup, operator, print_json
from app.cli.common.progress import print_line, watched
from app.cli.common.values import Moment, date
from app.domain.accounts.accounts import Account
from app.services.responses.archive import Archive
from app.store.responses.archive_base import Archived

responses = OperatorGroup("responses", help="Look through, export, delete and purge responses.")

_ROW = "{:<53}  {:<11}  {:<16}  {:<16}  {}"

_account = click.option("--account", required=True, metavar="NAME", help="Whose responses.")


@responses.command("list")
@_account
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
def list_responses(account: str, *, as_json: bool) -> None:
    """List an account's responses, those of one conversation together, without their content."""
    walked = _walk(account)
    if not as_json:
        print_line(_ROW.format("ID", "STATUS", "CREATED", "DELETED", "MODEL"))
    for found in walked:
        print_line(orjson.dumps(_summary(found)) if as_json else _ROW.format(*_cells(found)))


@responses.command("show")
@click.argument("response_id", metavar="ID")
def show(response_id: str) -> None:
    """Print all of a response as JSON, deleted ones included."""
    click.echo(orjson.dumps(_archive().show(response_id).json(), option=orjson.OPT_INDENT_2))


@responses.command("delete")
@click.argument("response_ids", metavar="ID...", nargs=-1, required=True)
def delete(response_ids: tuple[str, ...]) -> None:
    """Hide responses from their account, as DELETE does; a purge destroys them later."""
    archive = _archive()
    for response_id in watched(response_ids, len(response_ids), "responses"):
        was_there = archive.delete(response_id, by=operator())
        print_line(f"{response_id} {'deleted' if was_there else 'was already deleted'}")


@responses.command("purge")
@click.option("--deleted-before", type=Moment(), help="Responses deleted before then, in UTC.")
@click.option("--account", metavar="NAME", help="Everything of this account, deleted or not.")
@click.option("--dry-run", is_flag=True, help="Say how much it would be, and change nothing.")
@yes
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def purge(
    deleted_before: int | None,
    account: str | None,
    *,
    dry_run: bool,
    is_sure: bool,
    as_json: bool,
) -> None:
    """Destroy content for good: of deleted responses, or all that an account has stored.

    At a terminal it asks whether you are sure; elsewhere it wants --yes. It may be interrupted and
    given again. Of a deleted response a tombstone without content
    stays. An account keeps its keys, its limits and its book of use; close it first.
    """
    archive, by = _archive(), operator()
    if account is not None and deleted_before is None:
        _warn_if_open(archive.account(account))
        unit, total = "conversations", archive.conversations(account)
        what = f"Conversations of {account} to destroy: {total}."
        steps = archive.erase(account, by=by)
    elif deleted_before is not None and account is None:
        unit, total = "responses", archive.purgeable(deleted_before)
        what = f"Deleted responses to destroy: {total}."
        steps = archive.purge(deleted_before, by=by)
    else:
        raise click.UsageError("Name one of --deleted-before and --account.")
    if not dry_run:
        make_sure(what, is_sure=is_sure)
    with closing(steps):  # also when this is interrupted
        destroyed = total if dry_run else sum(1 for _ in watched(steps, total, unit))
    if not dry_run:
        _clear_disk(archive)
    if as_json:
        print_json({"destroyed": destroyed, "unit": unit, "dry_run": dry_run})
    else:
        click.echo(f"{unit.capitalize()} {'to destroy' if dry_run else 'destroyed'}: {destroyed}")


@responses.command("export")
@_account
def export(account: str) -> None:
    """Print everything that an account has stored: a line of JSON for each response."""
    for found in _walk(account):
        print_line(orjson.dumps(found.json()))


def _archive() -> Archive:
    return context.services().archive


def _walk(account: str) -> Iterator[Archived]:
    """Return an account's responses; whether there is such an account is known at once."""
    archive = _archive()
    archive.account(account)
    conversations = archive.responses(account)
    walked = watched(conversations, archive.conversations(account), "conversations")
    return (found for conversation in walked for found in conversation)


def _warn_if_open(account: Account) -> None:
    if account.active:
        click.echo(
            f"{account.name} is enabled: what it stores meanwhile may survive. Disable it first: "
            f"accounts disable {account.name}",
            err=True,
        )


def _clear_disk(archive: Archive) -> None:
    if not archive.rewrite():
        click.echo(
            "Redis could not rewrite its files: the data leaves its disk at the next BGREWRITEAOF "
            "or BGSAVE.",
            err=True,
        )


def _summary(found: Archived) -> dict[str, object]:
    response = found.turn.response if found.turn else None
    return {
        "id": found.response_id,
        "status": found.status,
        "model": response.model if response else None,
        "created_at": response.created_at if response else None,
        "deleted_at": found.deleted_at,
        "purged": found.is_purged,
    }


def _cells(found: Archived) -> Iterator[str]:
    response = found.turn.response if found.turn else None
    yield found.response_id
    yield found.status
    yield date(response.created_at if response else None)
    yield date(found.deleted_at)
    yield response.model if response else "(purged)"
