"""`keys`: creates, lists, changes, closes, reopens and rotates API keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from app.api import context
from app.cli.common.group import OperatorGroup, operator, print_json
from app.cli.common.tables import print_table
from app.cli.common.values import (
    Bound,
    BudgetChange,
    Budgets,
    Change,
    Duration,
    EndChange,
    Globs,
    HostedTools,
    Moment,
    changed_limits,
    date,
    limit,
    since,
)
from app.domain.accounts.accounts import Allowance, ApiKey, Permissions
from app.schemas.wire.accounts import API_KEY, new_key
from app.services.accounts.service import Accounts
from app.settings import CostBudget, UnsupportedTools

keys = OperatorGroup("keys", help="Create, list, update, rotate, deactivate and activate API keys.")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@keys.command("create")
@click.option(
    "--account", required=True, metavar="NAME", help="The account; created if it does not exist."
)
@click.option("--name", default="", help="A name that says what the key is for.")
@click.option(
    "--models",
    type=Globs(),
    default=(),
    help="Glob patterns of the models that the key may use.  [default: all]",
)
@click.option("--rpm", type=Bound(), help="Maximum requests per minute.")
@click.option("--rpd", type=Bound(), help="Maximum requests per day.")
@click.option("--tpm", type=Bound(), help="Maximum tokens per minute.")
@click.option("--max-in-flight", type=Bound(), help="Maximum concurrent requests.")
@click.option("--budget", type=Budgets(), help="US dollars per day, per month or in total.")
@click.option("--expires", type=Moment(), help="When the key expires.")
@click.option("--read-only", is_flag=True, help="The key may only read responses.")
@click.option("--no-background", is_flag=True, help="The key may not create background responses.")
@click.option("--no-store", is_flag=True, help="Responses created with the key are not stored.")
@click.option(
    "--unsupported-tools",
    type=click.Choice(["refuse", "drop"]),
    help="What to do with tools that are not functions; overrides the configuration.",
)
@click.option(
    "--hosted-tools",
    type=HostedTools(),
    default="all",
    show_default=True,
    help="Types of hosted tools (run by the provider) that the key may use.",
)
@_as_json
def create(
    *,
    account: str,
    name: str,
    models: tuple[str, ...],
    rpm: int | None,
    rpd: int | None,
    tpm: int | None,
    max_in_flight: int | None,
    budget: tuple[CostBudget, ...] | None,
    expires: int | None,
    read_only: bool,
    no_background: bool,
    no_store: bool,
    unsupported_tools: UnsupportedTools | None,
    hosted_tools: tuple[tuple[str, ...] | None],
    as_json: bool,
) -> None:
    """Create a key and print it; it cannot be shown again."""
    permissions = Permissions(
        models=models,
        read_only=read_only,
        background=not no_background,
        force_no_store=no_store,
        unsupported_tools=unsupported_tools,
        hosted_tools=hosted_tools[0],
        limits=Allowance(
            requests_per_minute=rpm,
            requests_per_day=rpd,
            tokens_per_minute=tpm,
            max_in_flight=max_in_flight,
            budgets=budget,
        ),
    )
    key, secret = _accounts().create_key(
        account, name=name, expires_at=expires, permissions=permissions, by=operator()
    )
    _print_new(key, secret, as_json)


@keys.command("update")
@click.argument("key_id", metavar="ID")
@click.option("--name", help="A name that says what the key is for.")
@click.option("--models", type=Globs(), help="Globs of the models that the key may use; `*`: all.")
@click.option("--rpm", "requests_per_minute", type=Change(), help="Maximum requests per minute.")
@click.option("--rpd", "requests_per_day", type=Change(), help="Maximum requests per day.")
@click.option("--tpm", "tokens_per_minute", type=Change(), help="Maximum tokens per minute.")
@click.option("--max-in-flight", type=Change(), help="Maximum concurrent requests.")
@click.option("--budget", type=BudgetChange(), help="US dollars per day, per month or in total.")
@click.option("--expires", type=EndChange(), help="When the key expires.")
@click.option("--read-only/--read-write", default=None, help="Whether the key may only read.")
@click.option(
    "--background/--no-background",
    default=None,
    help="Whether the key may create background responses.",
)
@click.option("--store/--no-store", default=None, help="Whether its responses are stored.")
@click.option(
    "--unsupported-tools",
    type=click.Choice(["refuse", "drop", "default"]),
    help="What to do with tools that are not functions.",
)
@click.option("--hosted-tools", type=HostedTools(), help="Hosted tools that the key may use.")
@_as_json
def update(
    key_id: str,
    *,
    name: str | None,
    budget: tuple[tuple[CostBudget, ...] | None] | None,
    expires: tuple[int | None] | None,
    as_json: bool,
    requests_per_minute: tuple[int | None] | None,
    requests_per_day: tuple[int | None] | None,
    tokens_per_minute: tuple[int | None] | None,
    max_in_flight: tuple[int | None] | None,
    **given: Any,
) -> None:
    """Update a key, on every process within a second; options not given stay unchanged."""
    limits = {
        "requests_per_minute": requests_per_minute,
        "requests_per_day": requests_per_day,
        "tokens_per_minute": tokens_per_minute,
        "max_in_flight": max_in_flight,
    }

    def changed(key: ApiKey) -> ApiKey:
        may = changed_permissions(key.permissions, given)
        may = replace(may, limits=changed_limits(may.limits, limits, budget))
        return replace(
            key,
            name=key.name if name is None else name,
            expires_at=key.expires_at if expires is None else expires[0],
            permissions=may,
        )

    _print_state(_accounts().change_key(key_id, changed, by=operator()), as_json)


def changed_permissions(permissions: Permissions, given: Mapping[str, Any]) -> Permissions:
    """Return permissions with the changes that an operator has named."""
    named = {option: value for option, value in given.items() if value is not None}
    changes: dict[str, Any] = {
        name: named[name] for name in ("read_only", "background") if name in named
    }
    if "models" in named:
        changes["models"] = () if named["models"] == ("*",) else named["models"]
    if "store" in named:
        changes["force_no_store"] = not named["store"]
    if "unsupported_tools" in named:
        policy = named["unsupported_tools"]
        changes["unsupported_tools"] = None if policy == "default" else policy
    if "hosted_tools" in named:
        changes["hosted_tools"] = named["hosted_tools"][0]
    return replace(permissions, **changes)


@keys.command("show")
@click.argument("key_id", metavar="ID")
@_as_json
def show(key_id: str, *, as_json: bool) -> None:
    """Show a key and its permissions; its secret is not stored."""
    fields = API_KEY.dump(_accounts().key(key_id))
    if as_json:
        print_json(fields)
        return
    scalars = {name: value for name, value in fields.items() if name not in ("limits", "secrets")}
    rows = [
        (name.replace("_", " "), _cell(name, value))
        for name, value in (scalars | fields["limits"]).items()
    ]
    print_table(("FIELD", "VALUE"), rows)


def _cell(name: str, value: Any) -> str:
    """Return a field's value as tables show it."""
    match value:
        case None | "" | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case int() if name.endswith("_at"):
            return date(value)
        case _:
            return str(value)


@keys.command("list")
@click.option("--account", metavar="NAME", help="Only entries of this account.")
@limit
@since
@_as_json
def list_keys(account: str | None, limit: int | None, since: int | None, *, as_json: bool) -> None:
    """List keys, oldest first."""
    found = [key for key in _accounts().keys(account) if key.created_at >= (since or 0)][:limit]
    if as_json:
        print_json([API_KEY.dump(key) for key in found])
        return
    print_table(
        ("ID", "ACCOUNT", "NAME", "STATE", "CREATED", "EXPIRES", "LAST USED", "MODELS"),
        (
            (
                key.id,
                key.account,
                key.name or "-",
                "active" if key.active else "inactive",
                date(key.created_at),
                date(key.expires_at),
                date(key.last_used_at),
                ",".join(key.permissions.models) or "all",
            )
            for key in found
        ),
    )


@keys.command("deactivate")
@click.argument("key_id", metavar="ID")
@_as_json
def deactivate(key_id: str, *, as_json: bool) -> None:
    """Deactivate a key: it stops working on every process within a second."""
    _print_state(_accounts().deactivate(key_id, by=operator()), as_json)


@keys.command("activate")
@click.argument("key_id", metavar="ID")
@_as_json
def activate(key_id: str, *, as_json: bool) -> None:
    """Activate a deactivated key again."""
    _print_state(_accounts().activate(key_id, by=operator()), as_json)


@keys.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How long the old secrets keep working.",
)
@_as_json
def rotate(key_id: str, overlap: int, *, as_json: bool) -> None:
    """Give a key a new secret and print it; old secrets keep working for the overlap."""
    key, secret = _accounts().rotate(key_id, overlap, by=operator())
    _print_new(key, secret, as_json)


def _accounts() -> Accounts:
    return context.services().accounts


def _print_new(key: ApiKey, secret: str, as_json: bool) -> None:
    if as_json:
        print_json(new_key(key, secret))
        return
    click.echo(secret)
    click.echo(f"{key.id} of account {key.account}; the key is not shown again.", err=True)


def _print_state(key: ApiKey, as_json: bool) -> None:
    if as_json:
        print_json(API_KEY.dump(key))
        return
    click.echo(f"{key.id} {'active' if key.active else 'inactive'}")
