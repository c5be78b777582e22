"""Encodes and decodes usage with an attribution, as usage/redis.py describes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import orjson

from app.domain.accounts.attribution import OTHER, Attribution
from app.domain.accounts.usage import COUNTERS, UsageLine

#: Number of arguments of lua/add.lua that concern the attribution.
ATTRIBUTED = 6


def attributed_arguments(line: UsageLine) -> tuple[str | bytes, ...]:
    """Return those arguments."""
    to = line.attribution
    return (
        *map(orjson.dumps, (line.key_id, line.model, to.user, to.metadata)),
        orjson.dumps([(key, OTHER) for key, _ in to.metadata]),
        " ".join(str(getattr(line, name)) for name in COUNTERS),
    )


def attributed_lines(account: str, day: date, table: Mapping[bytes, bytes]) -> Iterator[UsageLine]:
    """Yield the lines of a table of attributions."""
    for field, sums in table.items():
        if not field.startswith(b"["):
            continue
        key_id, model, user, metadata = orjson.loads(field)
        counted: dict[str, Any] = dict(zip(COUNTERS, map(int, sums.split()), strict=False))
        to = Attribution(user, tuple((key, value) for key, value in metadata))
        yield UsageLine(
            account=account, key_id=key_id, model=model, day=day, attribution=to, **counted
        )
