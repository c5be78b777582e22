"""Rules that span several parameters (E4)."""

from __future__ import annotations

from typing import Any

from app.schemas.field import ReadContext
from app.schemas.invalid import InvalidField, required
from app.schemas.request.items.added_tools import refuse_clashes
from app.schemas.request.tool_choice import settle


def settle_retention(found: dict[str, Any], context: ReadContext) -> None:
    """Merge the two names of the retention; 0 days means that nothing is stored (C5).

    Raises:
        InvalidField: the two differ, or 0 days are combined with a background response.
    """
    days = found.pop("retentionDays", None)
    if days is not None and found.setdefault("retention_days", days) != days:
        what = f"is {days} where 'retention_days' is {found['retention_days']}: send one of them."
        raise InvalidField("invalid_value", "retentionDays", what)
    if found.get("retention_days") == 0:
        if found.get("background"):
            what = "needs more than 0 retention_days: the answer is fetched where it is kept."
            raise InvalidField("unsupported_value", "background", what)
        found["store"] = False
    elif "retention_days" in found and found.get("store") is False and "conversation" not in found:
        context.ignore("retention_days")


def settle_together(found: dict[str, Any], context: ReadContext) -> None:
    """Check the rules that span several fields (E4), and settle the tool choice.

    Raises:
        InvalidField: input is missing, two fields exclude each other, or see `_settle_tools`.
    """
    continues = not found.keys().isdisjoint(("previous_response_id", "conversation"))
    if not found.get("input"):
        _refuse_without_input(found, needs_input=context.needs_input and not continues)
    if "conversation" in found and "previous_response_id" in found:
        what = "excludes previous_response_id, which has its history already: send one of them."
        raise InvalidField("invalid_value", "conversation", what)
    if found.get("background"):
        if found.get("stream"):
            what = "excludes stream: follow it with GET /v1/responses/{id}?stream=true."
            raise InvalidField("unsupported_value", "background", what)
        if found.get("store") is False:
            what = "needs store: the answer can only be fetched where it is kept."
            raise InvalidField("unsupported_value", "background", what)
    _settle_tools(found, context, continues=continues)
    if "stream_options" in found and not found.get("stream"):  # accepted, and not acted on (R15)
        context.ignore("stream_options")


def _settle_tools(found: dict[str, Any], context: ReadContext, *, continues: bool) -> None:
    """Check the tools of the request and of its items together, and settle the choice among them.

    Raises:
        InvalidField: two tools have one name, the choice names none of them, or there are only
            searches, which are left out (R7), and nothing that may have declared another tool.
    """
    added = context.added_tools
    if found.get("tools") or added:
        context.only_searches = None
    if context.only_searches and not continues:
        raise context.only_searches
    if added:
        refuse_clashes(found.get("tools", ()), added)
    if "tool_choice" in found:
        tools = (*found.get("tools", ()), *(each.tool for each in added))
        found["tool_choice"] = settle(found["tool_choice"], tools, context, continues=continues)


def _refuse_without_input(found: dict[str, Any], *, needs_input: bool) -> None:
    """Refuse a request without items if it needs some; else set its input to () (R2)."""
    if needs_input and "input" not in found:
        raise required("input")
    if needs_input:
        what = "holds no items: send at least one, or continue with previous_response_id."
        raise InvalidField("invalid_value", "input", what)
    found["input"] = ()
