"""What an account has used, as GET /v1/usage shows it."""

from __future__ import annotations

from app.domain.accounts.usage import UsageLine, UsageReport
from app.schemas.field import Bind
from app.schemas.fields import Choice, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema, WireSchema

_DAY = "A day in UTC."


class Day(String):
    """A date such as 2030-01-31."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value}.isoformat()"


class CounterFields(WireSchema):
    """What is counted."""

    requests = Integer(0, **ALWAYS)
    input_tokens = Integer(0, **ALWAYS)
    cached_tokens = Integer(0, **ALWAYS)
    cache_write_tokens = Integer(0, **ALWAYS)
    output_tokens = Integer(0, **ALWAYS)
    reasoning_tokens = Integer(0, **ALWAYS)
    errors = Integer(0, about="Requests that failed.", **ALWAYS)
    cost_microusd = Integer(
        0,
        about="What the requests whose price is known cost, in millionths of a US dollar; null "
        "where none is.",
        **OR_NULL,
    )
    unpriced_requests = Integer(0, about="Requests whose cost nobody knows.", **ALWAYS)


class LineFields(WireSchema):
    """What is counted apart."""

    date = Day(about=_DAY, attribute="day", **ALWAYS)
    key_id = String(**ALWAYS)
    model = String(**ALWAYS)


class UsageTotalSchema(CounterFields, ValueSchema[UsageLine]):
    about = (
        "Sums; tokens read from a cache and written to one are among the input, reasoning tokens "
        "among the output."
    )
    values = (UsageLine,)


class UsageLineSchema(CounterFields, LineFields, ValueSchema[UsageLine]):
    about = "What one key used of one model on one day."
    values = (UsageLine,)


USAGE_LINE = UsageLineSchema()


class UsageReportSchema(ValueSchema[UsageReport]):
    about = "The use of the caller's own account."
    values = (UsageReport,)

    object = Choice("list", **ALWAYS)
    since = Day(about=_DAY, data_key="from", **ALWAYS)
    until = Day(about=_DAY, data_key="to", **ALWAYS)
    data = ListOf(USAGE_LINE, attribute="lines", **ALWAYS)
    total = Nested(UsageTotalSchema(), **ALWAYS)


USAGE_REPORT = UsageReportSchema()
