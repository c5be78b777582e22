"""Options that lists have in common."""

from __future__ import annotations

import click

from app.cli.common.values import Since

#: The most that is listed; None is all.
limit = click.option("--limit", type=click.IntRange(1), metavar="N", help="No more than so many.")
#: Unix seconds of the oldest that is listed; None is all.
since = click.option("--since", type=Since(), help="Only those since then (UTC), or 2h ago.")
