"""`requests`: the request log, searched and listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, get_args

import click

from app.api import context
from app.cli.common.group import OperatorGroup, print_json
from app.cli.common.tables import print_table, printable
from app.cli.common.values import instant, short_limit, since
from app.domain.accounts.request_log import RequestEntry
from app.domain.response import Status
from app.services.limits.request_log import RequestLog

requests = OperatorGroup("requests", help="Look up requests and their outcomes.")

_CLASS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_TITLES = ("TIME", "REQUEST", "STATUS", "CODE", "ACCOUNT", "KEY", "MODEL", "IN", "OUT", "MS")


class Ending(click.ParamType[str]):
    """An HTTP status, a class of them, or a response's status."""

    name = "status"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the status in lower case."""
        status = str(value).lower()
        outcomes = get_args(Status)
        if not _CLASS.fullmatch(status) and status not in outcomes:
            self.fail(f"{value!r} is not 429, 5xx, or one of: {', '.join(outcomes)}.", param, ctx)
        return status


@requests.command("show")
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")
def show(name: str, *, as_json: bool) -> None:
    """Show the outcome of a request, by its X-Request-ID, response id or trace id.

    A background response has two entries: the request that queued it, and the job.
    """
    for number, entry in enumerate(_log().find(name)):
        if as_json:
            print_json(_fields(entry))
            continue
        if number:
            click.echo()
        for field, value in _fields(entry).items():
            if value is not None:
                click.echo(f"{field:<20} {printable(str(value))}")


@requests.command("list")
@click.option("--account", metavar="NAME", help="Only entries of this account.")
@since
@click.option(
    "--status", type=Ending(), help="Only requests with this outcome: 429, 5xx, failed, ..."
)
@short_limit
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")
def list_requests(
    account: str | None, since: int | None, status: str | None, limit: int, *, as_json: bool
) -> None:
    """List requests made with API keys, newest first, except successful reads."""
    if account is not None:
        context.services().archive.account(account)
    found = islice(_log().newest(account=account, status=status, since=since or 0), limit)
    if as_json:
        for entry in found:
            print_json(_fields(entry))
    else:
        print_table(_TITLES, map(_values, found))


def _log() -> RequestLog:
    if not context.services().meter.book.logs_requests:
        click.echo("[storage] request_log is 0: nothing is added to the request log.", err=True)
    return context.services().request_log


def _fields(entry: RequestEntry) -> dict[str, object]:
    """Return an entry's fields under the names that log lines use."""
    fields = entry._asdict()
    return {"timestamp": instant(fields.pop("at") / 1000, "milliseconds"), **fields}


def _values(entry: RequestEntry) -> Iterator[object]:
    yield instant(entry.at / 1000, "milliseconds")
    yield entry.request_id or entry.response_id
    yield entry.status or entry.outcome
    yield entry.error_code
    yield entry.account
    yield entry.key_id
    yield entry.model
    yield entry.input_tokens
    yield entry.output_tokens
    yield None if entry.duration_ms is None else round(entry.duration_ms)
