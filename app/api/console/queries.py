"""Query parameters of the console's reads. Readers raise InvalidRequest naming the parameter."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from typing import get_args

from flask import request

from app.api.http.queries import DEFAULT_LIMIT, MAX_LIMIT, integer
from app.domain.accounts.request_log import LogQuery
from app.domain.response import Status
from app.domain.turns.listing import ListCursor, ListQuery
from app.errors import InvalidRequest

_STATUSES: tuple[Status, ...] = get_args(Status)
_METADATA = re.compile(r"metadata\[(.*)\]", re.DOTALL)
_MOST_METADATA, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512
_SECONDS = re.compile("[0-9]{1,12}")
_ENDING = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_ENTRY_ID = re.compile("[0-9]{1,15}-[0-9]{1,10}")
_LONGEST_NAME = 256


def list_query(statuses: frozenset[Status] = frozenset()) -> ListQuery:
    """Return the filters and the page of a listing."""
    after = request.args.get("after") or None
    cursor = None if after is None else ListCursor.read(after)
    if after is not None and cursor is None:
        raise _invalid("after", "must be what `next` of the page before was.")
    return ListQuery(
        limit=integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        since=_seconds("created_after"),
        until=_seconds("created_before"),
        statuses=statuses,
        metadata=_metadata(),
        after=cursor,
    )


def status_query() -> frozenset[Status]:
    """Return the statuses of a comma-separated list; an empty set means all."""
    names = [name for name in request.args.get("status", "").split(",") if name]
    for name in names:
        if name not in _STATUSES:
            known = ", ".join(_STATUSES)
            raise _invalid("status", f"takes a list of {known} with commas between them.")
    return frozenset(status for status in _STATUSES if status in names)


def log_query(account: str) -> LogQuery:
    """Return the filters and the page of a read of the request log."""
    name, after = request.args.get("id", ""), request.args.get("after", "")
    status = request.args.get("status", "").lower()
    if len(name) > _LONGEST_NAME:
        raise _invalid("id", f"has at most {_LONGEST_NAME} characters.")
    if after and not _ENTRY_ID.fullmatch(after):
        raise _invalid("after", "must be what `next` of the page before was.")
    if status and status not in _STATUSES and not _ENDING.fullmatch(status):
        raise _invalid("status", f"must be 429, 5xx, or one of: {', '.join(_STATUSES)}.")
    return LogQuery(
        account,
        integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        _seconds("created_after"),
        _seconds("created_before"),
        name,
        status,
        after,
    )


def _metadata() -> dict[str, str]:
    """Return the metadata values to filter by, by key: metadata[team]=a."""
    wanted: dict[str, str] = {}
    for name, value in request.args.items(multi=True):
        match = _METADATA.fullmatch(name)
        if match is None:
            continue
        key = match[1]
        if not 0 < len(key) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            bounds = f"a key of 1 to {_LONGEST_KEY} characters and a value of {_LONGEST_VALUE}"
            raise _invalid("metadata", f"takes {bounds} at most.")
        if wanted.setdefault(key, value) != value:
            raise _invalid("metadata", "takes one value for a key.")
    if len(wanted) > _MOST_METADATA:
        raise _invalid("metadata", f"takes at most {_MOST_METADATA} keys.")
    return wanted


def _seconds(name: str) -> int | None:
    """Return a time in Unix seconds, given as such, as a day in UTC, or as an instant with zone."""
    given = request.args.get(name)
    if not given:
        return None
    if _SECONDS.fullmatch(given):
        return int(given)
    try:
        return math.ceil(_instant(given).timestamp())
    except (ValueError, OverflowError):
        raise _invalid(
            name,
            "must be Unix seconds, a day such as 2030-01-31, or an instant with its zone such as "
            "2030-01-31T12:00:00Z.",
        ) from None


def _instant(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        # A plus sign that was not percent-encoded in the query arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return moment


def _invalid(name: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{name}' {what}", param=name, code="invalid_value")
