"""A JSON object, declared once: validated strictly, with clear errors, and documented.

The declarations are marshmallow's, and so are the methods: `load`, `dump`, `validate`. A Document
implements them itself: it walks an object in the order in which it was written, stops at the
first fault and names its path.
"""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import Schema

from app.schemas.compiled import Dump, Load, compile_build
from app.schemas.field import Bind, ReadContext, StrictField
from app.schemas.fields import Choice
from app.schemas.invalid import InvalidField, join, object_at, required

_LONGEST_NAME = 64
#: Maximum number of keys of an object with declared fields; unknown ones are ignored.
_MOST_KEYS = 1000


class Document(Schema):
    """A JSON object whose fields are all strict; unknown keys are ignored."""

    about: ClassVar[str] = ""
    #: The domain's classes that it represents; empty if the domain uses the JSON itself.
    values: ClassVar[tuple[type, ...]] = ()
    #: Writes such a value; readers by the JSON's `type`.
    writer: Dump
    readers: dict[str, Load]

    def __init__(self) -> None:
        super().__init__()
        self.readers = {}
        declared = self.fields.values()
        self.strict_fields = {each.key: each for each in declared if isinstance(each, StrictField)}
        self._checks = {key: each.check for key, each in self.strict_fields.items()}
        self._required = tuple(key for key, each in self.strict_fields.items() if each.required)
        self._compile()

    def _compile(self) -> None:
        """Generate the code of this document."""
        if self.values:
            title, fields = type(self).__name__, self.strict_fields.values()
            self._make = compile_build(title, self.values[0], fields)

    @property
    def types(self) -> tuple[str, ...]:
        """The values of `type` that it declares, if it has that field."""
        field = self.strict_fields.get("type")
        return field.values if isinstance(field, Choice) else ()

    # marshmallow's own options of these methods are not supported.

    def load(  # type: ignore[override]
        self, data: Any, *, context: ReadContext | None = None
    ) -> Any:
        """Return the domain's value of a parsed body.

        Raises:
            InvalidField: its first fault.
        """
        return self.read(data, "", context or ReadContext())

    def validate(self, data: Any) -> dict[str, list[str]]:  # type: ignore[override]
        """Return the first fault of the object by its path, or {} if it is valid."""
        try:
            self.read(data, "", ReadContext())
        except InvalidField as fault:
            return {fault.path: [fault.message]}
        return {}

    def read(self, raw: object, path: str, context: ReadContext) -> Any:
        """Return the domain's value of the object at `path`.

        Raises:
            InvalidField: its first fault.
        """
        return self.build(self.read_fields(raw, path, context), path, context)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        """Return the domain's value of the fields found, or the fields if it has no class.

        Raises:
            InvalidField: the fields contradict each other.
        """
        return self._make(found) if self.values else found

    def read_fields(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the validated fields of the object at `path`, by name, without absent ones.

        Raises:
            InvalidField: the first fault in document order; missing keys are reported last.
        """
        checks, found, given = self._checks, {}, object_at(raw, path)
        if len(given) > _MOST_KEYS:
            what = f"has {len(given)} keys: send at most {_MOST_KEYS}."
            raise InvalidField("invalid_value", path, what)
        for name, value in given.items():
            if value is None:
                continue
            check = checks.get(name)
            if check is None:
                context.unknown(join(path, name[:_LONGEST_NAME]), name, value, checks)
            else:
                found[name] = check(value, path, context)
        for name in self._required:
            if name not in found:
                raise required(join(path, name))
        return found

    def dump_code(self, value: str, bind: Bind) -> str:
        """Return the code that turns a value into JSON: here the value is JSON already."""
        return value

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that turns JSON into a value: here the JSON itself."""
        return data

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        """Return the code that reads an attribute of a value from the JSON at `data`."""
        found = (each.find(attribute, data, bind) for each in self.strict_fields.values())
        return next((code for code in found if code is not None), None)
