"""A JSON object that the gateway tells: exactly these keys, null only where it is declared."""

from __future__ import annotations

from typing import Any

from app.schemas.document import Document, InvalidField, ReadContext, join, object_at, required

#: A key that is always there, and one that may be null; others are optional, and never null.
ALWAYS: dict[str, Any] = {"required": True}
OR_NULL: dict[str, Any] = {"required": True, "nullable": True}
AT_TIMES: dict[str, Any] = {"required": False, "nullable": False}


class WireSchema(Document):
    """A JSON object of ours. Callers may meet more keys some day; our own tests may not."""

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path` if it is what this declares.

        Raises:
            InvalidField: a key is missing, unknown, null where it may not be, or no such value.
        """
        given = object_at(raw, path)
        for name, value in given.items():
            field = self.fields.get(name)
            if field is None:
                raise InvalidField(
                    "invalid_value", join(path, name), "is not a key of this object."
                )
            if value is not None or not field.allow_none:
                self._checks[name](value, path, context)
        for name in self._required:
            if name not in given:
                raise required(join(path, name))
        return given
