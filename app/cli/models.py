"""`models`: lists the models that are served, and by which provider."""

from __future__ import annotations

from collections.abc import Iterator

import click
from flask.cli import with_appcontext

from app.api import context
from app.cli.common.group import OperatorCommand, print_json
from app.cli.common.tables import print_table
from app.domain.accounts.accounts import Caller
from app.services.upstreams.catalog import ModelCatalog

_ANYBODY = Caller(account="", key_id="")

Row = tuple[str, str, str, tuple[str, ...]]


@click.command("models", cls=OperatorCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per entry.")
@with_appcontext
def models(*, as_json: bool) -> None:
    """List the available models by provider; a pattern stands for all models that match it."""
    rows = list(_rows(context.services().catalog))
    if as_json:
        for provider, model, upstream_model, fallbacks in rows:
            print_json(
                {
                    "provider": provider,
                    "model": model,
                    "upstream_model": upstream_model or None,
                    "fallbacks": fallbacks,
                }
            )
        return
    print_table(
        ("PROVIDER", "MODEL", "UPSTREAM MODEL", "FALLBACKS"),
        (
            (provider, model, upstream_model or "(its own name)", ", ".join(fallbacks) or "-")
            for provider, model, upstream_model, fallbacks in rows
        ),
    )


def _rows(catalog: ModelCatalog) -> Iterator[Row]:
    """Yield each provider's models, then its patterns."""
    known: list[Row] = []
    for card in catalog.cards(_ANYBODY):
        own, *others = catalog.resolve(card.id, _ANYBODY)
        fallbacks = tuple(other.id for other in others)
        known.append((card.owned_by, card.id, own.upstream_model, fallbacks))
    patterns = list(catalog.patterns())
    for provider in dict.fromkeys(provider for provider, _ in patterns):
        yield from (row for row in known if row[0] == provider)
        yield from ((provider, glob, "", ()) for name, glob in patterns if name == provider)
