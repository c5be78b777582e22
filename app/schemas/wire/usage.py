"""What an account has used, as GET /v1/usage shows it."""

from __future__ import annotations

from app.schemas.document import Document
from app.schemas.fields import Choice, Integer, ListOf, Nested, String
from app.schemas.wire.document import ALWAYS, WireSchema

_DAY = "A day in UTC."


class UsageTotalSchema(WireSchema):
    about = "Sums; cached tokens are among the input, reasoning tokens among the output."

    requests = Integer(0, **ALWAYS)
    input_tokens = Integer(0, **ALWAYS)
    cached_tokens = Integer(0, **ALWAYS)
    output_tokens = Integer(0, **ALWAYS)
    reasoning_tokens = Integer(0, **ALWAYS)
    errors = Integer(0, about="Requests that failed.", **ALWAYS)


class UsageLineSchema(UsageTotalSchema):
    about = "What one key used of one model on one day."

    date = String(about=_DAY, **ALWAYS)
    key_id = String(**ALWAYS)
    model = String(**ALWAYS)


class UsageReportSchema(WireSchema):
    about = "The use of the caller's own account."

    class Meta(Document.Meta):
        include = {"from": String(about=_DAY, **ALWAYS)}  # noqa: RUF012 - marshmallow's own word

    object = Choice("list", **ALWAYS)
    to = String(about=_DAY, **ALWAYS)
    data = ListOf(UsageLineSchema(), **ALWAYS)
    total = Nested(UsageTotalSchema(), **ALWAYS)
