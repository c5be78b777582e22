"""Items of tools that another server ran, in conversations that come from there (R24)."""

from __future__ import annotations

from app.domain.hosted.item import HOSTED_KINDS, PAIRED_KINDS, HostedItem
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.field import ReadContext
from app.schemas.fields import Choice, String
from app.schemas.invalid import InvalidField, object_at, required
from app.schemas.request.bounds import LONGEST_CALL_ID
from app.schemas.request.items.fields import ItemId, ItemSchema

_MOST_KEYS = 100


class _CarriedItemSchema(ItemSchema):
    """An item that is kept unchanged, with all of its keys."""

    id = ItemId()

    def read(self, raw: object, path: str, context: ReadContext) -> HostedItem:
        """Return the item; only the keys declared here are validated.

        Raises:
            InvalidField: one of them is invalid, or the item has too many keys or levels.
        """
        given = object_at(raw, path)
        if len(given) > _MOST_KEYS:
            what = f"has {len(given)} keys: send at most {_MOST_KEYS}."
            raise InvalidField("invalid_value", path, what)
        if not is_shallow(given, MOST_NESTED):
            raise InvalidField("invalid_value", path, TOO_DEEP)
        for name, field in self.strict_fields.items():
            if given.get(name) is not None:
                field.check(given[name], path, context)
            elif field.required:
                raise required(f"{path}.{name}")
        return HostedItem(given.get("id") or "", given, path)


class InputHostedItemSchema(_CarriedItemSchema):
    about = (
        "The work of a tool that another server ran. All of its keys are kept unchanged; for "
        "models whose servers do not support such items, it is described as text."
    )

    type = Choice(*(kind for kind in HOSTED_KINDS if kind not in PAIRED_KINDS), required=True)


class InputComputerItemSchema(InputHostedItemSchema):
    about = (
        "A computer action or its result. The two are kept unchanged and together; for models "
        "whose servers do not support such items, they are described as text."
    )

    type = Choice(*PAIRED_KINDS, required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)


class InputUnknownItemSchema(_CarriedItemSchema):
    about = "An item of an unknown type from the provider: kept unchanged."

    type = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
