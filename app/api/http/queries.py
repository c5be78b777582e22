"""Query parameters: readers of known ones, and a check for unknown ones."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from flask import request

from app.domain.turns.page import PageQuery
from app.errors import InvalidRequest
from app.schemas.docs.operations import operations
from app.schemas.request.parameters.fields import INCLUDE_VALUES

#: Maximum number of query keys that are parsed; the header lists at most twenty.
_MOST_KEYS = 100
#: A path variable, as Flask writes it and as OpenAPI does.
_PLACE = re.compile(r"<[^>]*>|{[^}]*}")
_WHOLE_NUMBER = re.compile("-?[0-9]{1,4000}")  # fewer digits than int() refuses
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def page_query() -> PageQuery:
    """Return which page of a list is requested.

    Raises:
        InvalidRequest: a parameter is out of its range; `param` names it.
    """
    order = request.args.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest(
            "'order' must be 'asc' or 'desc'.", param="order", code="invalid_value"
        )
    return PageQuery(
        order="asc" if order == "asc" else "desc",
        limit=integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        after=request.args.get("after") or None,
        before=request.args.get("before") or None,
    )


def integer(name: str, default: int, minimum: int, maximum: int | None) -> int:
    """Return an integer query parameter within its bounds; a `maximum` of None is no bound.

    Raises:
        InvalidRequest: it is not an integer, or out of bounds; `param` names it.
    """
    given = request.args.get(name)
    if given is None:
        return default
    if not _WHOLE_NUMBER.fullmatch(given):
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name, code="invalid_type")
    number = int(given)
    if number < minimum:
        raise InvalidRequest(
            f"'{name}' must be at least {minimum}.", param=name, code="integer_below_min_value"
        )
    if maximum is not None and number > maximum:
        raise InvalidRequest(
            f"'{name}' must be at most {maximum}.", param=name, code="integer_above_max_value"
        )
    return number


def boolean(name: str) -> bool:
    """Return a boolean query parameter, false if absent.

    Raises:
        InvalidRequest: it is neither 'true' nor 'false'; `param` names it.
    """
    given = request.args.get(name, "false")
    if given not in ("true", "false"):
        raise InvalidRequest(
            f"'{name}' must be 'true' or 'false'.", param=name, code="invalid_value"
        )
    return given == "true"


def values_of(name: str) -> str | None:
    """Return the values of a list in a query, with commas between them; None if it is absent.

    It may be comma-separated, repeated, or repeated as `name[]`, as clients write lists.
    """
    given = [*request.args.getlist(name), *request.args.getlist(f"{name}[]")]
    return ",".join(given) if given else None


def include_values() -> frozenset[str]:
    """Return the values of `include`.

    Raises:
        InvalidRequest: a value is not one that the API knows.
    """
    values = frozenset(value for value in (values_of("include") or "").split(",") if value)
    for value in values - INCLUDE_VALUES:
        known = ", ".join(sorted(INCLUDE_VALUES))
        raise InvalidRequest(
            f"'include' takes {known}, not {value[:64]!r}.", param="include", code="invalid_value"
        )
    return values


def unknown_keys(method: str, rule: str, query: str) -> list[str]:
    """Return the query keys that this operation does not know, in order (N21).

    The known keys are those in the OpenAPI document; for an operation that it does not contain,
    no key counts as unknown.
    """
    known = _known_keys().get((method, _PLACE.sub("{}", rule)))
    if known is None:
        return []
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_KEYS)
    except ValueError:  # more than _MOST_KEYS
        pairs = parse_qsl(query[: query.index("&")], keep_blank_values=True)
    names = dict.fromkeys(name for name, _ in pairs)
    return [name for name in names if name not in known]


@cache
def _known_keys() -> dict[tuple[str, str], frozenset[str]]:
    """Return the names of each operation's query parameters, by method and path template."""
    return {
        (method.upper(), _PLACE.sub("{}", path)): frozenset(
            name
            for each in operation.get("parameters", ())
            if each["in"] == "query"
            for name in _spellings(each)
        )
        for path, methods in operations().items()
        for method, operation in methods.items()
    }


def _spellings(parameter: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys that a query parameter is read from: a list's may have brackets."""
    name: str = parameter["name"]
    return (name, f"{name}[]") if parameter["schema"].get("type") == "array" else (name,)
