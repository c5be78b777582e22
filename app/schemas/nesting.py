"""Nested objects: one, one of several types, or an array of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from app.schemas.document import Document
from app.schemas.field import Bind, ReadContext, Refer, StrictField
from app.schemas.invalid import InvalidField, join, listed, object_at, quoted, type_at

V = TypeVar("V")


class _Readers(dict[str, Callable[[dict[str, Any]], Any]]):
    """Readers by type; `rest`, if set, reads the types that are not here."""

    rest: Callable[[dict[str, Any]], Any] | None = None

    def __missing__(self, kind: str) -> Any:
        if self.rest is not None:
            return self.rest
        raise ValueError(f"the type must be {listed(tuple(self))}, not {quoted(kind)}")


class OneOf(Generic[V]):
    """An object that is one of several documents, chosen by its `type`.

    If two documents share a type, the last one reads it, and delegates to the first according to
    other keys. `rest` makes the value of a stored object of any other type; `other` is the
    document that validates objects of other types, if these are allowed.
    """

    def __init__(
        self,
        *documents: Document,
        rest: Callable[[dict[str, Any]], Any] | None = None,
        other: Document | None = None,
    ) -> None:
        self._other = other
        self._by_type = {kind: each for each in reversed(documents) for kind in each.types}
        self.documents = {kind: each for each in documents for kind in each.types}
        self._writers = {kind: each.writer for each in documents for kind in each.values}
        self._readers = _Readers(
            {kind: load for each in documents for kind, load in each.readers.items()}
        )
        self._readers.rest = rest

    def dump(self, value: V) -> dict[str, Any]:
        """Return a value as JSON."""
        return self._writers[type(value)](value)

    def dump_all(self, values: Iterable[V]) -> list[dict[str, Any]]:
        """Return values as JSON, each as `dump` does."""
        writers = self._writers
        return [writers[type(each)](each) for each in values]

    def load(self, data: dict[str, Any]) -> V:
        """Return the value of JSON written by `dump`.

        Raises:
            ValueError: the type is unknown, and there is no `rest`.
        """
        value: V = self._readers[data["type"]](data)
        return value

    def load_all(self, data: Iterable[dict[str, Any]]) -> list[V]:
        """Return the values of JSON objects, each as `load` does."""
        readers = self._readers
        return [readers[each["type"]](each) for each in data]

    def validate(self, data: object) -> dict[str, list[str]]:
        """Return the first fault of the object by its path, or {} if it is valid."""
        try:
            self.read(data, "", ReadContext())
        except InvalidField as fault:
            return {fault.path: [fault.message]}
        return {}

    def read(self, raw: object, path: str, context: ReadContext) -> Any:
        """Return the domain's value of the object at `path`, read by its type's document.

        Raises:
            InvalidField: the type is unknown, or the document refuses it.
        """
        kind = type_at(object_at(raw, path), path)
        document = self.documents.get(kind, self._other)
        if document is None:
            what = f"must be {listed(tuple(self.documents))}, not {quoted(kind)}."
            raise InvalidField("invalid_value", join(path, "type"), what)
        return document.read(raw, path, context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        """Return the JSON schema that offers these documents."""
        mapping = {kind: refer(self._by_type[kind])["$ref"] for kind in self.documents}
        addresses = (*mapping.values(), *(refer(each)["$ref"] for each in self.documents.values()))
        references = [{"$ref": each} for each in dict.fromkeys(addresses)]
        discriminator = {"propertyName": "type", "mapping": mapping}
        return {"oneOf": references, "discriminator": discriminator}

    def dump_code(self, value: str, bind: Bind) -> str:
        """Return the code that turns a value into JSON; without classes it is JSON already."""
        return f"{bind(self._writers)}[type({value})]({value})" if self._writers else value

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that turns JSON into a value."""
        return f'{bind(self._readers)}[{data}["type"]]({data})' if self._readers else data

    def find(self, attribute: str, data: str, bind: Bind) -> None:
        """Return None: which document applies is known only from the JSON."""


Inner = Document | OneOf[Any]


def _reference(inner: Inner, refer: Refer) -> dict[str, Any]:
    return inner.json_schema(refer) if isinstance(inner, OneOf) else refer(inner)


class Nested(StrictField):
    """An object with its own fields, or one of several; `example` is shown in errors."""

    def __init__(self, inner: Inner, *, example: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner
        self.wanted = f"an object such as {example}" if example else "an object"

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is not dict:
            raise self.mistyped(at, self.wanted, value)
        return self.inner.read(value, self.path(at), context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return _reference(self.inner, refer)

    def dump_code(self, value: str, bind: Bind) -> str:
        return self.inner.dump_code(value, bind)

    def load_code(self, data: str, bind: Bind) -> str:
        return self.inner.load_code(data, bind)

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        if self.itself and attribute:
            return self.inner.find(attribute, f"{data}[{self.key!r}]", bind)
        if self.is_optional and attribute == self.source:
            raw = f"{data}.get({self.key!r})"
            return f"(None if {raw} is None else {self.load_code(raw, bind)})"
        return super().find(attribute, data, bind)


class ListOf(StrictField):
    """An array of such objects; if the field is optional, an empty one is omitted."""

    def __init__(self, inner: Inner, **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner

    def check(self, value: Any, at: str, context: ReadContext) -> list[Any]:
        if type(value) is not list:
            raise self.mistyped(at, "an array", value)
        path = self.path(at)
        return [self.inner.read(each, f"{path}[{i}]", context) for i, each in enumerate(value)]

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "array", "items": _reference(self.inner, refer)}

    def dump_code(self, value: str, bind: Bind) -> str:
        each = self.inner.dump_code("each", bind)
        return f"list({value})" if each == "each" else f"[{each} for each in {value}]"

    def load_code(self, data: str, bind: Bind) -> str:
        each = self.inner.load_code("each", bind)
        return f"tuple({data})" if each == "each" else f"tuple([{each} for each in {data}])"

    def is_set_code(self, value: str) -> str:
        return value

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        if self.is_optional and attribute == self.source:
            return self.load_code(f"{data}.get({self.key!r}, ())", bind)
        return super().find(attribute, data, bind)
