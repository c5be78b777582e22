"""A JSON object, declared once: checked strictly, refused in the caller's words, documented.

The declarations are marshmallow's, and so are the methods: `load`, `dump`, `validate`. Beneath
them a Document does its own work: it walks an object in the order in which it was written, stops at
its first fault and names that as its caller can read it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import Schema

from app.schemas.compiled import Dump, Load, compile_build
from app.schemas.field import Bind, ReadContext, StrictField
from app.schemas.fields import Choice
from app.schemas.invalid import InvalidField, join, object_at, required

_LONGEST_NAME = 64
#: Of an object whose keys have meanings: unknown ones are ignored, but not without end.
_MOST_KEYS = 1000


class Document(Schema):
    """A JSON object whose fields are all strict; keys that it does not know are ignored."""

    about: ClassVar[str] = ""
    #: The domain's classes that it shows; none where the domain has the JSON itself.
    values: ClassVar[tuple[type, ...]] = ()
    #: How such a value is written, and how each type of the JSON is read.
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
        """Make the code of what this document does."""
        if self.values:
            title, fields = type(self).__name__, self.strict_fields.values()
            self._make = compile_build(title, self.values[0], fields)

    @property
    def types(self) -> tuple[str, ...]:
        """The values of `type` that it declares, if it has one."""
        field = self.strict_fields.get("type")
        return field.values if isinstance(field, Choice) else ()

    # Of marshmallow's own options to these methods none has a meaning here.

    def load(  # type: ignore[override]
        self, data: Any, *, context: ReadContext | None = None
    ) -> Any:
        """Return what the domain makes of a parsed body.

        Raises:
            InvalidField: its first fault.
        """
        return self.read(data, "", context or ReadContext())

    def validate(self, data: Any) -> dict[str, list[str]]:  # type: ignore[override]
        """Return the first fault of the object by its path, or nothing where it is valid."""
        try:
            self.read(data, "", ReadContext())
        except InvalidField as fault:
            return {fault.path: [fault.message]}
        return {}

    def read(self, raw: object, path: str, context: ReadContext) -> Any:
        """Return what the domain makes of the object at `path`.

        Raises:
            InvalidField: its first fault.
        """
        return self.build(self.read_fields(raw, path, context), path, context)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        """Return the domain's value of what `read_fields` found, that itself where there is none.

        Raises:
            InvalidField: the fields do not go together.
        """
        return self._make(found) if self.values else found

    def read_fields(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the values of the object at `path`, by name, without those that are absent.

        Raises:
            InvalidField: the first fault in the order of the document; what is missing comes last.
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
        """Return the code that makes JSON of a value: here the JSON itself, as it was given."""
        return value

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that makes a value of JSON: here that itself."""
        return data

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        """Return the code that reads an attribute of a value out of the JSON at `data`."""
        found = (each.find(attribute, data, bind) for each in self.strict_fields.values())
        return next((code for code in found if code is not None), None)
