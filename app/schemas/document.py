"""A JSON object, declared once: checked strictly, refused in the caller's words, documented.

The declarations are marshmallow's. `Document.read` walks an object in the order in which it was
written and stops at its first fault, which `Schema.load` cannot do; the tests hold both to the
same verdict.
"""

# ruff: noqa: ARG002 - every field answers to one signature, whatever it needs of it
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields

#: The header that tells them holds 20 (R1); one more lets it see that there were others.
_MOST_IGNORED = 21
_LONGEST_NAME = 64
#: Of an object whose keys have meanings: unknown ones are ignored, but not without end.
_MOST_KEYS = 1000
_LONGEST_SHOWN = 40
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}

#: Returns the reference to a schema's component in the OpenAPI document.
Refer = Callable[[Schema], dict[str, Any]]


class InvalidField(ValidationError):
    """What is wrong, where, and how to mend it; `path` is "" for the whole body."""

    def __init__(self, code: str, path: str, what: str) -> None:
        self.message = f"'{path}' {what}" if path else f"The body {what}"
        super().__init__(self.message)
        self.code = code
        self.path = path


def _go_on() -> None:
    """Let nobody else run."""


@dataclass(slots=True)
class ReadContext:
    """What one reading of a body is given, and what it brings beside its values.

    `drops_unsupported` is the policy for tools and items that only some upstreams know (R7, R18);
    `ignored` names what was sent and will not be acted on (R1).
    """

    drops_unsupported: bool = False
    ignored: list[str] = field(default_factory=list)
    dropped_tools: set[str] = field(default_factory=set)
    dropped_any_tool: bool = False
    dropped_calls: set[str] = field(default_factory=set)
    #: Called now and then while something long is read, to let others run.
    pause: Callable[[], None] = _go_on

    def ignore(self, path: str) -> None:
        """Name something that will not be acted on."""
        if len(self.ignored) < _MOST_IGNORED and path not in self.ignored:
            self.ignored.append(path)


def join(at: str, name: str) -> str:
    """Return the path of the key `name` of the object at `at`."""
    return f"{at}.{name}" if at else name


def kind(value: object) -> str:
    """Return what JSON calls such a value, with its article."""
    return _KINDS.get(type(value), "something else")


def shown(value: object) -> str:
    """Return a short value as it was written, and no more than the kind of a long one."""
    if type(value) is str:
        return f'"{value}"' if len(value) <= _LONGEST_SHOWN else f"a string of {len(value)}"
    return repr(value) if type(value) in (int, float) else kind(value)


def listed(values: tuple[str, ...]) -> str:
    """Return the values as a choice to be read: "a", "b" or "c"."""
    quoted = [f'"{value}"' for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def required(path: str) -> InvalidField:
    """Return the fault of something that is not there."""
    return InvalidField("missing_required_parameter", path, "is required: it is absent or null.")


def mistyped(path: str, wanted: str, value: object) -> InvalidField:
    """Return the fault of a value that is of another kind than `wanted`."""
    return InvalidField("invalid_type", path, f"must be {wanted}, not {kind(value)}.")


def too_long(path: str, text: str, longest: int) -> InvalidField:
    """Return the fault of a string of more than `longest` characters."""
    what = f"has {len(text)} characters: send at most {longest}."
    return InvalidField("invalid_value", path, what)


def array_at(value: object, path: str, most: int, wanted: str = "an array") -> list[Any]:
    """Return `value` if it is an array of at most `most` (N15)."""
    if type(value) is not list:
        raise mistyped(path, wanted, value)
    if len(value) > most:
        what = f"has {len(value)} elements: send at most {most}."
        raise InvalidField("array_above_max_length", path, what)
    return value


def object_at(raw: object, path: str) -> dict[str, Any]:
    """Return `raw` if it is an object."""
    if type(raw) is not dict:
        raise mistyped(path, "an object", raw)
    return raw


def type_at(raw: dict[str, Any], path: str) -> str:
    """Return the `type` of an object that must say which of several it is."""
    said = raw.get("type")
    if said is None:
        raise required(join(path, "type"))
    if type(said) is not str:
        raise mistyped(join(path, "type"), "a string", said)
    return said


class StrictField(fields.Field[Any]):
    """A field that takes a JSON value of its kind as it is, or refuses it.

    `null` is the same as absent wherever a field is not required (R2). `about` goes to the
    documentation, and so does `default`, which the domain's values set.
    """

    def __init__(
        self,
        *,
        required: bool = False,
        nullable: bool | None = None,
        about: str = "",
        default: object = None,
    ) -> None:
        metadata = {"description": about} if about else {}
        if default is not None:
            metadata["default"] = default  # type: ignore[assignment] # any JSON value
        super().__init__(
            required=required,
            allow_none=not required if nullable is None else nullable,
            metadata=metadata,
        )

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        """Return what the domain makes of `value`, a key of the object at `at`.

        Raises:
            InvalidField: the value is not what the field takes.
        """
        raise NotImplementedError

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        """Return the field's JSON schema, without its description or null."""
        raise NotImplementedError

    def path(self, at: str) -> str:
        """Return the field's own path."""
        return join(at, str(self.name))

    def invalid(self, code: str, at: str, what: str) -> InvalidField:
        """Return a fault of this field."""
        return InvalidField(code, self.path(at), what)

    def mistyped(self, at: str, wanted: str, value: object) -> InvalidField:
        """Return the fault of a value of another kind."""
        return mistyped(self.path(at), wanted, value)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return self.check(value, "", ReadContext())


class Document(Schema):
    """A JSON object whose fields are all strict; keys that it does not know are ignored."""

    class Meta:
        unknown = EXCLUDE

    about: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        strict = {name: f for name, f in self.fields.items() if isinstance(f, StrictField)}
        self._checks = {name: f.check for name, f in strict.items()}
        self._required = tuple(name for name, f in strict.items() if f.required)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
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
                context.ignore(join(path, name[:_LONGEST_NAME]))
            else:
                found[name] = check(value, path, context)
        for name in self._required:
            if name not in found:
                raise required(join(path, name))
        return found
