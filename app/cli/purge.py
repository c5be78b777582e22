"""`responses purge`: destroys what is stored, for good (N5)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import click
from flask.cli import with_appcontext

from app.api import context
from app.cli.common.confirmation import make_sure, yes
from app.cli.common.group import operator, print_json
from app.cli.common.progress import watched
from app.cli.common.values import Moment
from app.domain.accounts.accounts import Account
from app.services.responses.archive import Archive


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be destroyed: `total` of `unit`, as `what` describes; `steps` do it one by one."""

    unit: str
    total: int
    what: str
    steps: Generator[str, None, None]


@click.command("purge")
@click.option("--deleted-before", type=Moment(), help="Responses deleted before this time, in UTC.")
@click.option("--created-before", type=Moment(), help="Responses created before this time, in UTC.")
@click.option(
    "--safety-identifier",
    metavar="ID",
    help="Responses to requests with this safety_identifier or, if they have none, with this user.",
)
@click.option(
    "--account",
    metavar="NAME",
    help="Only responses of this account; used alone, everything that it has stored, deleted or "
    "not.",
)
@click.option("--dry-run", is_flag=True, help="Only print how much would be destroyed.")
@yes
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def purge(
    deleted_before: int | None,
    created_before: int | None,
    safety_identifier: str | None,
    account: str | None,
    *,
    dry_run: bool,
    is_sure: bool,
    as_json: bool,
) -> None:
    """Destroy content permanently, selected by age, end user, account or time of deletion.

    Asks for confirmation at a terminal; elsewhere --yes is required. It can be interrupted and
    run again. A purged response leaves a tombstone without content: turns that continue it lose
    its items. An account keeps its keys, limits and usage records; disable it first.
    """
    chosen = (deleted_before, created_before, safety_identifier)
    plan = _plan(*chosen, account, by=operator())
    _note_spooled()
    if not dry_run:
        make_sure(plan.what, is_sure=is_sure, can_dry_run=True)
    with closing(plan.steps) as steps:  # also when this is interrupted
        watching = watched(steps, plan.total, plan.unit)
        destroyed = plan.total if dry_run else sum(1 for _ in watching)
    if not dry_run:
        _clear_disk(_archive())
    if as_json:
        print_json({"destroyed": destroyed, "unit": plan.unit, "dry_run": dry_run})
    else:
        done = "to destroy" if dry_run else "destroyed"
        click.echo(f"{plan.unit.capitalize()} {done}: {destroyed}")


def _plan(
    deleted_before: int | None,
    created_before: int | None,
    user: str | None,
    account: str | None,
    *,
    by: str,
) -> _Plan:
    archive, purges = _archive(), context.services().purges
    owner = None if account is None else archive.account(account)
    match (deleted_before, created_before, user):
        case (None, None, None) if owner is not None:
            _warn_if_open(owner)
            total = archive.erasable(owner.name)
            what = f"Conversations of {account} to destroy: {total}."
            return _Plan("conversations", total, what, archive.erase(owner.name, by=by))
        case (int(before), None, None) if owner is None:
            total = archive.purgeable(before)
            what = f"Deleted responses to destroy: {total}."
            return _Plan("responses", total, what, archive.purge(before, by=by))
        case (None, int(before), None):
            total = sum(1 for _ in purges.created_before(before, account))
            what = f"Responses, items and conversations created before then to destroy: {total}."
            steps = purges.purge_created_before(before, account, by=by)
            return _Plan("entries", total, what, steps)
        case (None, None, str(who)) if who:
            total = sum(1 for _ in purges.of_user(who, account))
            what = f"Responses of this end user to destroy: {total}."
            return _Plan("responses", total, what, purges.purge_user(who, account, by=by))
    raise click.UsageError(
        "Name one of --deleted-before, --created-before, --safety-identifier and --account; "
        "--account may go together with the second and the third."
    )


def _note_spooled() -> None:
    waiting = context.services().purges.spooled()
    if waiting:
        click.echo(
            f"Responses that wait in this machine's spool: {waiting}. They are not counted; a "
            "purge takes those that it is about.",
            err=True,
        )


def _archive() -> Archive:
    return context.services().archive


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
