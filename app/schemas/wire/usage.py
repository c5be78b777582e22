"""An account's usage as GET /v1/usage returns it."""

from __future__ import annotations

from typing import Any

from app.domain.accounts.usage import UsageLine, UsageReport, UsageRow
from app.schemas.field import Bind
from app.schemas.fields import Choice, FreeObject, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema, WireSchema

_DAY = "A day, in UTC."


class Day(String):
    """A date such as 2030-01-31."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value}.isoformat()"


class CounterFields(WireSchema):
    """The counters of a group."""

    requests = Integer(
        0, about="The number of requests that the limits let in, failed ones included.", **ALWAYS
    )
    input_tokens = Integer(0, **ALWAYS)
    cached_tokens = Integer(0, **ALWAYS)
    cache_write_tokens = Integer(0, **ALWAYS)
    output_tokens = Integer(0, **ALWAYS)
    reasoning_tokens = Integer(0, **ALWAYS)
    errors = Integer(0, about="The number of these requests that failed.", **ALWAYS)
    cost_microusd = Integer(
        0,
        about="The cost of the requests whose cost is known, in millionths of a US dollar; null if "
        "none is.",
        **OR_NULL,
    )
    unpriced_requests = Integer(0, about="The number of requests of unknown cost.", **ALWAYS)


class UsageTotalSchema(CounterFields, ValueSchema[UsageLine]):
    about = (
        "Sums. Input tokens include those read from and written to a cache; output tokens include "
        "reasoning tokens."
    )
    values = (UsageLine,)


USAGE_TOTAL = UsageTotalSchema()


class UsageRowSchema(CounterFields, ValueSchema[UsageRow]):
    about = (
        "The usage of one group. Of the keys that name a group, only those in `group_by` are "
        "present."
    )
    values = (UsageRow,)

    date = Day(about=_DAY, **AT_TIMES)
    key_id = String(about="The key that was used.", **AT_TIMES)
    model = String(about="The model that was called.", **AT_TIMES)
    user = String(
        about="The end user, from `safety_identifier` or else `user`; null for requests without "
        "either, `(other)` beyond the first 10,000 end users of a day.",
        required=False,
        nullable=True,
    )
    metadata = FreeObject(
        about="The values of the metadata keys; null for requests without the key.", **AT_TIMES
    )

    def _compile(self) -> None:
        super()._compile()
        self.writer = _row


def _row(row: UsageRow) -> dict[str, Any]:
    line, groups, fields = row.line, row.groups, dict[str, Any]()
    of: dict[str, tuple[str, str | None]] = {
        "day": ("date", line.day.isoformat()),
        "key": ("key_id", line.key_id),
    }
    of |= {"model": ("model", line.model), "user": ("user", line.attribution.user)}
    fields.update(of[name] for name in groups.names)
    if groups.metadata:
        fields["metadata"] = {key: line.attribution.value(key) for key in groups.metadata}
    return fields | USAGE_TOTAL.dump(line)


USAGE_ROW = UsageRowSchema()


class UsageReportSchema(ValueSchema[UsageReport]):
    about = "The usage of the caller's account."
    values = (UsageReport,)

    object = Choice("list", **ALWAYS)
    since = Day(about=_DAY, data_key="from", **ALWAYS)
    until = Day(about=_DAY, data_key="to", **ALWAYS)
    data = ListOf(USAGE_ROW, attribute="rows", about="A row for each group.", **ALWAYS)
    total = Nested(USAGE_TOTAL, about="The sums of all rows.", **ALWAYS)


USAGE_REPORT = UsageReportSchema()
