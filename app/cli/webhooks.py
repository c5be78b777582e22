"""`webhooks`: creates, tests and manages an account's endpoints, and lists their deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from app.api import context
from app.cli.common.confirmation import make_sure, yes
from app.cli.common.group import OperatorGroup, operator, print_json
from app.cli.common.tables import print_table
from app.cli.common.values import date, instant, limit, short_limit, since
from app.domain.accounts.accounts import Caller
from app.domain.webhooks.deliveries import AttemptEntry
from app.domain.webhooks.endpoints import EVENT_TYPES, MOST_ENDPOINTS, SecretEndpoint
from app.schemas.webhooks.request import CREATE_WEBHOOK
from app.schemas.webhooks.wire import (
    SECRET_ENDPOINT,
    WEBHOOK_ENDPOINT,
    sample_result,
)
from app.services.webhooks.endpoints import WebhookEndpoints

webhooks = OperatorGroup(
    "webhooks", help="Manage webhook endpoints: the URLs that events are sent to."
)

_TITLES = ("TIME", "EVENT", "TYPE", "RESPONSE", "TRY", "OUTCOME", "ANSWER", "MS", "NEXT")

_id = click.argument("endpoint_id", metavar="ID")
_json = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")


class EventTypes(click.ParamType[tuple[str, ...]]):
    """Types of events, with commas between them."""

    name = "type,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the types, each once."""
        types = tuple(dict.fromkeys(each.strip() for each in str(value).split(",")))
        if unknown := [each for each in types if each not in EVENT_TYPES]:
            self.fail(f"{unknown[0]!r} is not one of: {', '.join(EVENT_TYPES)}.", param, ctx)
        return types


@webhooks.command("list")
@click.option(
    "--account", required=True, metavar="NAME", help="The account that owns the endpoints."
)
@limit
@since
@_json
def list_endpoints(account: str, limit: int | None, since: int | None, *, as_json: bool) -> None:
    """List an account's endpoints, newest first, with the number of pending events of each."""
    context.services().archive.account(account)
    page = _service().page(_operator_of(account), MOST_ENDPOINTS, None)
    found = [each for each in page.endpoints if each.created_at >= (since or 0)][:limit]
    waiting = [_service().waiting(each.id) for each in found]
    if as_json:
        for endpoint, count in zip(found, waiting, strict=True):
            print_json(WEBHOOK_ENDPOINT.dump(endpoint) | {"waiting": count})
        return
    rows = (
        (each.id, each.name, date(each.created_at), count, ",".join(each.event_types), each.url)
        for each, count in zip(found, waiting, strict=True)
    )
    print_table(("ID", "NAME", "CREATED", "WAITING", "EVENTS", "URL"), rows)


@webhooks.command("create")
@click.option(
    "--account", required=True, metavar="NAME", help="The account that will own the endpoint."
)
@click.option("--name", required=True, help="A display name.")
@click.option("--url", required=True, help="The URL to send events to: https://...")
@click.option(
    "--events",
    type=EventTypes(),
    default=",".join(EVENT_TYPES),
    help="Comma-separated types of events; all by default.",
)
@_json
def create(account: str, name: str, url: str, events: tuple[str, ...], *, as_json: bool) -> None:
    """Create an endpoint and print its secret; it cannot be shown again."""
    context.services().archive.account(account)
    body = CREATE_WEBHOOK.load({"name": name, "url": url, "event_types": list(events)})
    made = _service().create(_operator_of(account), **body)
    _record("webhook.create", made.endpoint.id, account)
    _print_secret(made, as_json=as_json)


@webhooks.command("delete")
@_id
@yes
def delete(endpoint_id: str, *, is_sure: bool) -> None:
    """Delete an endpoint; pending events are not sent any more."""
    caller = _service().caller_for(endpoint_id)
    waiting = _service().waiting(endpoint_id)
    make_sure(
        f"{endpoint_id} of {caller.account}, events on their way: {waiting}.", is_sure=is_sure
    )
    _record("webhook.delete", endpoint_id, caller.account)
    _service().delete(caller, endpoint_id)
    click.echo(f"{endpoint_id} deleted")


@webhooks.command("rotate")
@_id
@click.option("--keep-old", is_flag=True, help="Keep the old secret active for 24 hours.")
@_json
def rotate(endpoint_id: str, *, keep_old: bool, as_json: bool) -> None:
    """Give an endpoint a new secret and print it; it cannot be shown again."""
    caller = _service().caller_for(endpoint_id)
    rotated = _service().rotate_secret(caller, endpoint_id, keep_old=keep_old)
    _record("webhook.rotate", endpoint_id, caller.account)
    _print_secret(rotated, as_json=as_json)


@webhooks.command("test")
@_id
@click.option(
    "--event",
    type=click.Choice(EVENT_TYPES),
    default=EVENT_TYPES[0],
    show_default=True,
    help="The type of the event.",
)
@_json
def send_sample(endpoint_id: str, event: str, *, as_json: bool) -> None:
    """Send a sample event to an endpoint once, and print the answer."""
    status = _service().test(_service().caller_for(endpoint_id), endpoint_id, event)
    if as_json:
        print_json(sample_result(endpoint_id, event, status))
    else:
        click.echo(f"{endpoint_id} answered {status}")


@webhooks.command("deliveries")
@_id
@short_limit
@since
@_json
def deliveries(endpoint_id: str, limit: int, since: int | None, *, as_json: bool) -> None:
    """Show delivery attempts to an endpoint and their outcomes, newest first; 1,000 are kept."""
    entries = _service().deliveries(endpoint_id)
    found = islice((each for each in entries if each.at >= (since or 0)), limit)
    if as_json:
        for entry in found:
            print_json(_fields(entry))
    else:
        print_table(_TITLES, map(_values, found))


def _service() -> WebhookEndpoints:
    return context.services().webhooks


def _operator_of(account: str) -> Caller:
    return Caller(account=account, key_id="operator")


def _record(action: str, endpoint_id: str, account: str) -> None:
    context.services().accounts.record(action, endpoint_id, account, by=operator())


def _print_secret(made: SecretEndpoint, *, as_json: bool) -> None:
    if as_json:
        print_json(SECRET_ENDPOINT.dump(made))
        return
    click.echo(f"endpoint  {made.endpoint.id}")
    click.echo(f"secret    {made.signing_secret}")
    click.echo("The secret is not shown again: give it to the receiver.", err=True)


def _fields(entry: AttemptEntry) -> dict[str, object]:
    return {
        "at": instant(entry.at),
        "event_id": entry.event_id,
        "type": entry.type,
        "response_id": entry.response_id,
        "attempt": entry.attempt,
        "outcome": entry.outcome,
        "status": entry.status,
        "error": entry.error,
        "duration_ms": entry.duration_ms,
        "next_at": None if entry.next_at is None else instant(entry.next_at),
    }


def _values(entry: AttemptEntry) -> Iterator[object]:
    yield instant(entry.at)
    yield entry.event_id
    yield entry.type
    yield entry.response_id
    yield entry.attempt or "test"
    yield entry.outcome
    yield entry.status or entry.error
    yield entry.duration_ms
    yield None if entry.next_at is None else instant(entry.next_at)
