"""Use as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from app.domain.accounts.usage import COUNTERS, UsageLine


def usage_json(lines: Sequence[UsageLine], since: date, until: date) -> dict[str, Any]:
    """Return the lines of one account, as GET /v1/usage shows them, and their totals."""
    return {
        "object": "list",
        "from": since.isoformat(),
        "to": until.isoformat(),
        "data": [line_json(line) for line in lines],
        "total": {name: sum(getattr(line, name) for line in lines) for name in COUNTERS},
    }


def line_json(line: UsageLine) -> dict[str, Any]:
    """Return one line, without its account."""
    counted = {name: getattr(line, name) for name in COUNTERS}
    return {"date": line.day.isoformat(), "key_id": line.key_id, "model": line.model, **counted}
