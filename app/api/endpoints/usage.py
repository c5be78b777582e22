"""/v1/usage: what the caller's own account has used."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.json_response import json_response
from app.domain.accounts.usage import UsageReport
from app.errors import InvalidRequest
from app.schemas.wire.usage import USAGE_REPORT

bp = Blueprint("usage", __name__, url_prefix="/v1/usage")
auth.require_key(bp)


@bp.get("")
def read_usage() -> ResponseReturnValue:
    """Return what the caller's account used, by day, key and model: 30 days by default."""
    book = context.services().meter.book
    period = book.period(_day("from"), _day("to"))
    lines = book.read(context.caller().account, period)
    report = UsageReport(period.since, period.until, tuple(lines))
    return json_response(USAGE_REPORT.dump(report))


def _day(name: str) -> date | None:
    given = request.args.get(name)
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidRequest(
            f"'{name}' must be a day such as 2030-01-31.", param=name, code="invalid_value"
        ) from None
