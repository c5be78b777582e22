"""Encodes and decodes usage with an attribution, as usage/redis.py describes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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


def apart(whole: Iterable[UsageLine], attributed: Iterable[UsageLine]) -> list[UsageLine]:
    """Return the lines with an attribution, and what is left of the total lines without them."""
    of: defaultdict[tuple[str, str], list[UsageLine]] = defaultdict(list)
    for line in attributed:
        of[line.key_id, line.model].append(line)
    lines: list[UsageLine] = []
    for line in whole:
        those = sorted(of[line.key_id, line.model], key=lambda each: str(each.attribution))
        rest = line
        for each in those:
            rest = rest.minus(each)
        if any(getattr(rest, name) for name in COUNTERS):
            lines.append(rest)
        lines += those
    return lines
