"""Items that change how later answers are made (G3)."""

from __future__ import annotations

from app.domain.answer_options import ConfigurationUpdate
from app.schemas.field import Bind
from app.schemas.fields import Choice, String
from app.schemas.nesting import Nested
from app.schemas.wire.configuration.text_format import TEXT_FORMAT
from app.schemas.wire.document import ALWAYS, AT_TIMES, ValueSchema, WireSchema


class ChangedReasoningSchema(WireSchema):
    about = "The reasoning effort from here on."

    effort = String(**ALWAYS)


class ChangedTextSchema(WireSchema):
    about = "The format of responses from here on."

    format = Nested(TEXT_FORMAT, **ALWAYS)


class ChangedEffort(Nested):
    """`{"effort": "high"}` on the wire is `"high"` in the domain."""

    def __init__(self) -> None:
        super().__init__(ChangedReasoningSchema(), attribute="effort", **AT_TIMES)

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{{'effort': {value}}}"

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        if attribute != self.source:
            return None
        return f"({data}[{self.key!r}]['effort'] if {self.key!r} in {data} else None)"


class ChangedFormat(Nested):
    """`{"format": …}` on the wire is the format itself in the domain."""

    def __init__(self) -> None:
        super().__init__(
            ChangedTextSchema(),
            attribute="text_format",
            about="The format of responses from here on.",
            **AT_TIMES,
        )

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{{'format': {TEXT_FORMAT.dump_code(value, bind)}}}"

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        if attribute != self.source:
            return None
        found = TEXT_FORMAT.load_code(f"{data}[{self.key!r}]['format']", bind)
        return f"({found} if {self.key!r} in {data} else None)"


class ConfigurationUpdateSchema(ValueSchema[ConfigurationUpdate]):
    about = "Settings that override those of the request from here on."
    values = (ConfigurationUpdate,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("configuration_update", **ALWAYS)
    reasoning = ChangedEffort()
    text = ChangedFormat()
