"""/v1/usage: the usage of the caller's own account."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.bodies import pacing
from app.api.http.json_response import json_response
from app.api.http.queries import values_of
from app.domain.accounts.attribution import DEFAULT_GROUPS, UsageGroups
from app.domain.accounts.usage import usage_day, usage_groups
from app.errors import InvalidRequest
from app.schemas.wire.usage import USAGE_REPORT
from app.services.limits.usage_reports import usage_report

bp = Blueprint("usage", __name__, url_prefix="/v1/usage")
auth.require_key(bp)


@bp.get("")
def read_usage() -> ResponseReturnValue:
    """Return the account's usage by day, key and model: 30 days by default (N3)."""
    meter = context.services().meter
    groups = _groups(meter.metadata_keys)
    period = meter.book.period(_day("from"), _day("to"))
    report = usage_report(meter.book, context.caller().account, period, groups, pacing())
    return json_response(USAGE_REPORT.dump(report))


def _groups(metadata_keys: tuple[str, ...]) -> UsageGroups:
    given = values_of("group_by")
    if given is None:
        return DEFAULT_GROUPS
    try:
        return usage_groups(given, metadata_keys)
    except ValueError as error:
        message = f"'group_by' {error}."
        raise InvalidRequest(message, param="group_by", code="invalid_value") from None


def _day(name: str) -> date | None:
    given = request.args.get(name)
    if given is None:
        return None
    try:
        return usage_day(given, is_end=name == "to")
    except ValueError:
        raise InvalidRequest(
            f"'{name}' must be a day such as 2030-01-31, or an instant with its zone such as "
            "2030-01-31T12:00:00Z.",
            param=name,
            code="invalid_value",
        ) from None
