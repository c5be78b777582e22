"""Query parameters of GET requests."""

from __future__ import annotations

from typing import Literal, TypedDict

from flask import request

from app.errors import InvalidRequest
from app.schemas.requests import INCLUDE_VALUES

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class PageQuery(TypedDict):
    """Which page of a list is asked for."""

    order: Literal["asc", "desc"]
    limit: int
    after: str | None
    before: str | None


def page_query() -> PageQuery:
    """Return which page is asked for.

    Raises:
        InvalidRequest: a parameter is out of its range; `param` names it.
    """
    order = request.args.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest(
            "'order' must be 'asc' or 'desc'.", param="order", code="invalid_value"
        )
    return {
        "order": "asc" if order == "asc" else "desc",
        "limit": integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        "after": request.args.get("after") or None,
        "before": request.args.get("before") or None,
    }


def integer(name: str, default: int, minimum: int, maximum: int) -> int:
    """Return a whole-numbered query parameter within its bounds.

    Raises:
        InvalidRequest: it is no whole number, or out of bounds; `param` names it.
    """
    given = request.args.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name, code="invalid_type")
    number = int(given)
    if number < minimum:
        raise InvalidRequest(
            f"'{name}' must be at least {minimum}.", param=name, code="integer_below_min_value"
        )
    if number > maximum:
        raise InvalidRequest(
            f"'{name}' must be at most {maximum}.", param=name, code="integer_above_max_value"
        )
    return number


def boolean(name: str) -> bool:
    """Return a query parameter that is true or false, false when absent.

    Raises:
        InvalidRequest: it is neither; `param` names it.
    """
    given = request.args.get(name, "false")
    if given not in ("true", "false"):
        raise InvalidRequest(
            f"'{name}' must be 'true' or 'false'.", param=name, code="invalid_value"
        )
    return given == "true"


def include_values() -> frozenset[str]:
    """Return what `include`, `include[]` or a comma list of either asks for.

    Raises:
        InvalidRequest: a value is not one that the API knows.
    """
    given = [*request.args.getlist("include"), *request.args.getlist("include[]")]
    values = frozenset(value for each in given for value in each.split(",") if value)
    for value in values - INCLUDE_VALUES:
        known = ", ".join(sorted(INCLUDE_VALUES))
        raise InvalidRequest(
            f"'include' knows {known}, not {value[:64]!r}.", param="include", code="invalid_value"
        )
    return values
