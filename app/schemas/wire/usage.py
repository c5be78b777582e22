"""What an account has used, as GET /v1/usage shows it."""

from __future__ import annotations

from app.schemas.document import Document
from app.schemas.fields import Choice, Listed, Nested, Text, Whole
from app.schemas.wire.document import ALWAYS, Told

_DAY = "A day in UTC."


class UsageTotalSchema(Told):
    about = "Sums; cached tokens are among the input, reasoning tokens among the output."

    requests = Whole(0, **ALWAYS)
    input_tokens = Whole(0, **ALWAYS)
    cached_tokens = Whole(0, **ALWAYS)
    output_tokens = Whole(0, **ALWAYS)
    reasoning_tokens = Whole(0, **ALWAYS)
    errors = Whole(0, about="Requests that failed.", **ALWAYS)


class UsageLineSchema(UsageTotalSchema):
    about = "What one key used of one model on one day."

    date = Text(about=_DAY, **ALWAYS)
    key_id = Text(**ALWAYS)
    model = Text(**ALWAYS)


class UsageReportSchema(Told):
    about = "The use of the caller's own account."

    class Meta(Document.Meta):
        include = {"from": Text(about=_DAY, **ALWAYS)}  # noqa: RUF012 - marshmallow's own word

    object = Choice("list", **ALWAYS)
    to = Text(about=_DAY, **ALWAYS)
    data = Listed(UsageLineSchema(), **ALWAYS)
    total = Nested(UsageTotalSchema(), **ALWAYS)
