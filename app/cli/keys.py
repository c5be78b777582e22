"""`keys`: API keys, made, listed, closed, opened and rotated."""

from __future__ import annotations

import click

from app.api import context
from app.cli.common.group import OperatorGroup, operator, print_json, print_table
from app.cli.common.values import Bound, Duration, Globs, Moment, date
from app.domain.accounts.accounts import Allowance, ApiKey, Permissions
from app.schemas.wire.accounts import API_KEY, new_key
from app.services.accounts.service import Accounts
from app.settings import UnsupportedTools

keys = OperatorGroup("keys", help="Make, list, close, open and rotate API keys.")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@keys.command("create")
@click.option(
    "--account", required=True, metavar="NAME", help="The account; created if it does not exist."
)
@click.option("--name", default="", help="What the key is for.")
@click.option(
    "--models",
    type=Globs(),
    default=(),
    help="Globs of the models that it may use.  [default: all]",
)
@click.option("--rpm", type=Bound(), help="Requests per minute.")
@click.option("--rpd", type=Bound(), help="Requests per day.")
@click.option("--tpm", type=Bound(), help="Tokens per minute.")
@click.option("--max-in-flight", type=Bound(), help="Requests at the same time.")
@click.option("--expires", type=Moment(), help="When it stops working.")
@click.option("--read-only", is_flag=True, help="It may read responses only.")
@click.option("--no-background", is_flag=True, help="It may not create background responses.")
@click.option("--no-store", is_flag=True, help="None of its responses is stored.")
@click.option(
    "--unsupported-tools",
    type=click.Choice(["refuse", "drop"]),
    help="What to do with tools that are not functions, in place of the configured way.",
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
    expires: int | None,
    read_only: bool,
    no_background: bool,
    no_store: bool,
    unsupported_tools: UnsupportedTools | None,
    as_json: bool,
) -> None:
    """Make a key and print it: this is the only time that it is shown."""
    permissions = Permissions(
        models=models,
        read_only=read_only,
        background=not no_background,
        force_no_store=no_store,
        unsupported_tools=unsupported_tools,
        limits=Allowance(
            requests_per_minute=rpm,
            requests_per_day=rpd,
            tokens_per_minute=tpm,
            max_in_flight=max_in_flight,
        ),
    )
    key, secret = _accounts().create_key(
        account, name=name, expires_at=expires, permissions=permissions, by=operator()
    )
    _print_new(key, secret, as_json)


@keys.command("list")
@click.option("--account", metavar="NAME", help="Only this account's.")
@_as_json
def list_keys(account: str | None, *, as_json: bool) -> None:
    """List keys, oldest first."""
    found = _accounts().keys(account)
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
    """Close a key, on every process within a second."""
    _print_state(_accounts().deactivate(key_id, by=operator()), as_json)


@keys.command("activate")
@click.argument("key_id", metavar="ID")
@_as_json
def activate(key_id: str, *, as_json: bool) -> None:
    """Open a deactivated key again."""
    _print_state(_accounts().activate(key_id, by=operator()), as_json)


@keys.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How long the old secrets still work.",
)
@_as_json
def rotate(key_id: str, overlap: int, *, as_json: bool) -> None:
    """Give a key a new secret and print it; the old ones work for the overlap."""
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
