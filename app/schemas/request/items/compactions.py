"""Compaction items, and what requests a compaction: triggers and rules (G7, G8)."""

from __future__ import annotations

from typing import Any

from app.domain.items import Compaction
from app.domain.turns.compaction import LONGEST_SEALED
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Choice, Integer, String
from app.schemas.invalid import InvalidField, array_at
from app.schemas.request.items.fields import ItemId, ItemSchema

LEAST_THRESHOLD = 1000
_MOST_TOKENS = 2**31 - 1
_MOST_ENTRIES = 16


class InputCompactionSchema(ItemSchema):
    about = "Replaces the items before it; sent back unchanged."
    values = (Compaction,)

    type = Choice("compaction", required=True)
    encrypted_content = String(
        required=True,
        shortest=1,
        longest=LONGEST_SEALED,
        about="Opaque data; send it back unchanged.",
    )
    id = ItemId()


class CompactionTriggerSchema(ItemSchema):
    about = "Requests a compaction as the only output. Must be the last item; it is not stored."

    type = Choice("compaction_trigger", required=True)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> None:
        """Record its path, and return None: it is not an item of the conversation."""
        context.trigger = context.trigger or path


def refuse_trigger_inside(context: ReadContext, last: str) -> None:
    """Check that the input's trigger, if any, is at the path `last`.

    Raises:
        InvalidField: it is elsewhere, or there are several.
    """
    if context.trigger not in ("", last):
        what = "must be the last item of the input: a compaction is made of all that is before it."
        raise InvalidField("invalid_value", context.trigger, what)


class CompactionRuleSchema(Document):
    about = (
        "Compacts the input if it has more tokens than the threshold; the output then begins "
        "with a compaction."
    )

    type = Choice("compaction", required=True)
    compact_threshold = Integer(
        LEAST_THRESHOLD,
        _MOST_TOKENS,
        about="The number of input tokens above which the input is compacted.",
    )


class ContextManagementField(StrictField):
    """Rules, of which the lowest threshold applies; one without a threshold has no effect."""

    _rule = CompactionRuleSchema()

    def check(self, value: Any, at: str, context: ReadContext) -> int | None:
        path, narrowest = self.path(at), None
        for index, raw in enumerate(array_at(value, path, _MOST_ENTRIES)):
            threshold = self._rule.read(raw, f"{path}[{index}]", context).get("compact_threshold")
            if threshold is None:
                context.ignore(f"{path}[{index}]")
            elif narrowest is None or threshold < narrowest:
                narrowest = threshold
        return narrowest

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "maxItems": _MOST_ENTRIES, "items": refer(self._rule)}
