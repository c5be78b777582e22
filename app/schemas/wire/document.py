"""JSON objects that the gateway writes: exactly the declared keys, null only where declared."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from app.schemas.compiled import compile_dump, compile_load, inline_dump
from app.schemas.document import Document
from app.schemas.field import Bind, ReadContext
from app.schemas.invalid import InvalidField, join, object_at, required

V = TypeVar("V")

#: Options of a key that is always present, of one that may be null, and of an optional one.
ALWAYS: dict[str, Any] = {"required": True}
OR_NULL: dict[str, Any] = {"required": True, "nullable": True}
AT_TIMES: dict[str, Any] = {"required": False, "nullable": False}


class WireSchema(Document):
    """An object that the gateway makes, or that the domain passes on as JSON.

    Callers must tolerate new keys; validation, which our tests use, does not.
    """

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path` if it matches this declaration.

        Raises:
            InvalidField: a key is missing, unknown, wrongly null, or has an invalid value.
        """
        given = object_at(raw, path)
        for name, value in given.items():
            field = self.strict_fields.get(name)
            if field is None:
                raise InvalidField(
                    "invalid_value", join(path, name), "is not a key of this object."
                )
            if value is not None or not field.allow_none:
                field.check(value, path, context)
        for name in self._required:
            if name not in given:
                raise required(join(path, name))
        return given


class ValueSchema(WireSchema, Generic[V]):
    """The JSON of the domain's `values`: one class, or several with the same fields.

    One declaration serves `dump` and `load`, which are compiled from it, the strict `validate`, and
    the documentation. `spread` names an attribute that is a mapping with finished JSON, which comes
    last, and the schema of its keys.
    """

    spread: ClassVar[tuple[str, type[Document]] | None] = None

    def _compile(self) -> None:
        title, spread, self._own = type(self).__name__, "", list(self.strict_fields.values())
        if self.spread is not None:
            spread, there = self.spread[0], self.spread[1]().strict_fields
            self._own = [each for each in self._own if each.key not in there]
        self.writer = compile_dump(title, self._own, spread)
        loads = {kind: compile_load(title, kind, self._own, spread) for kind in self.values}
        self._reader = loads[self.values[0]] if len(loads) == 1 else None
        for kind, load in loads.items():
            types = self.types if len(loads) == 1 else (vars(kind)["type"],)
            if load is not None:
                self.readers |= dict.fromkeys(types, load)

    def dump(self, obj: V) -> dict[str, Any]:  # type: ignore[override]
        """Return a value as JSON."""
        return self.writer(obj)

    def load(self, data: Any) -> V:  # type: ignore[override]
        """Return the value of JSON written by `dump`; what we stored is not validated again."""
        load = self._reader or self.readers.get(data.get("type"))
        if load is None:
            raise TypeError(
                f"{type(self).__name__} is only written: it does not show all of a value"
            )
        value: V = load(data)
        return value

    def dump_code(self, value: str, bind: Bind) -> str:
        """Return the code that turns a value into JSON."""
        small = None if self.spread else inline_dump(self._own, value, bind)
        return small or f"{bind(self.writer)}({value})"

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that turns JSON into a value."""
        return f"{bind(self._reader)}({data})" if self._reader else data
