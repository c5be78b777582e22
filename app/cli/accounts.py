"""`accounts` and `audit`: who owns responses, and what operators did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import click

from app.api import context
from app.cli.common.group import OperatorGroup, operator, print_json
from app.cli.common.tables import print_table
from app.cli.common.values import (
    BudgetChange,
    Change,
    RetentionChange,
    changed_limits,
    date,
    limit,
    since,
)
from app.domain.accounts.accounts import Account
from app.schemas.wire.accounts import (
    ACCOUNT,
    AUDIT_ENTRY,
    budgets_or_default,
    limit_or_unlimited,
    retention_or_none,
)
from app.services.accounts.service import Accounts
from app.settings import CostBudget

accounts = OperatorGroup("accounts", help="List, limit, disable and enable accounts.")
audit = OperatorGroup(
    "audit", help="The audit log: what operators did to keys, accounts and responses."
)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@accounts.command("list")
@limit
@since
@_as_json
def list_accounts(limit: int | None, since: int | None, *, as_json: bool) -> None:
    """List accounts by name."""
    found = [each for each in _accounts().accounts() if each.created_at >= (since or 0)][:limit]
    if as_json:
        print_json([ACCOUNT.dump(account) for account in found])
        return
    print_table(
        (
            *("NAME", "STATE", "CREATED", "STORES"),
            *("RPM", "RPD", "TPM", "IN FLIGHT", "BYTES", "RETENTION", "BUDGET"),
        ),
        (
            (
                account.name,
                _state(account),
                date(account.created_at),
                "no" if account.force_no_store else "yes",
                *_bounds(account),
            )
            for account in found
        ),
    )


@accounts.command("disable")
@click.argument("name")
@_as_json
def disable(name: str, *, as_json: bool) -> None:
    """Disable an account: its keys stop working on every process within a second."""
    _print(_accounts().disable_account(name, by=operator()), as_json)


@accounts.command("enable")
@click.argument("name")
@_as_json
def enable(name: str, *, as_json: bool) -> None:
    """Enable a disabled account again."""
    _print(_accounts().enable_account(name, by=operator()), as_json)


@accounts.command("set-limits")
@click.argument("name")
@click.option("--rpm", "requests_per_minute", type=Change(), help="Maximum requests per minute.")
@click.option("--rpd", "requests_per_day", type=Change(), help="Maximum requests per day.")
@click.option("--tpm", "tokens_per_minute", type=Change(), help="Maximum tokens per minute.")
@click.option("--max-in-flight", type=Change(), help="Maximum concurrent requests.")
@click.option(
    "--budget",
    "budgets",
    type=BudgetChange(),
    help="US dollars per day, per month or in total.",
)
@click.option(
    "--max-stored-bytes", type=Change(), help="Maximum size of stored responses, in bytes."
)
@click.option(
    "--retention-days", type=RetentionChange(), help="Number of days for which responses are kept."
)
@click.option("--store/--no-store", default=None, help="Whether responses may be stored.")
@_as_json
def set_limits(
    *,
    name: str,
    max_stored_bytes: tuple[int | None] | None,
    retention_days: tuple[int | None] | None,
    store: bool | None,
    budgets: tuple[tuple[CostBudget, ...] | None] | None,
    as_json: bool,
    **limits: tuple[int | None] | None,
) -> None:
    """Change an account's limits; options not given stay unchanged, `default` resets one."""

    def changed(account: Account) -> Account:
        account = replace(account, limits=changed_limits(account.limits, limits, budgets))
        if max_stored_bytes is not None:
            account = replace(account, max_stored_bytes=max_stored_bytes[0])
        if retention_days is not None:
            account = replace(account, retention_days=retention_days[0])
        if store is not None:
            account = replace(account, force_no_store=not store)
        return account

    _print(_accounts().change_account(name, "account.set-limits", changed, by=operator()), as_json)


@audit.command("export")
def export() -> None:
    """Print the audit log, oldest first, one line of JSON per entry."""
    for entry in _accounts().audit():
        print_json(AUDIT_ENTRY.dump(entry))


def _accounts() -> Accounts:
    return context.services().accounts


def _print(account: Account, as_json: bool) -> None:
    if as_json:
        print_json(ACCOUNT.dump(account))
        return
    click.echo(f"{account.name} {_state(account)}")


def _state(account: Account) -> str:
    return "active" if account.active else "disabled"


def _bounds(account: Account) -> Iterator[str]:
    """Yield an account's own limits in the order of the table."""
    limits = account.limits
    for bound in (
        limits.requests_per_minute,
        limits.requests_per_day,
        limits.tokens_per_minute,
        limits.max_in_flight,
        account.max_stored_bytes,
    ):
        yield "default" if bound is None else str(limit_or_unlimited(bound))
    days = retention_or_none(account.retention_days)
    yield "default" if days is None else str(days)
    yield budgets_or_default(limits.budgets) or "default"
