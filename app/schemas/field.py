"""A field of a JSON object: what it takes, how it is written and read, how it is documented."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any, NamedTuple

from marshmallow import Schema, fields, missing

from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.domain.tools import Tool
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.invalid import InvalidField, join, listed, mistyped

#: The header that names them holds 20 (R1); one more lets it see that there were others.
_MOST_IGNORED = 21
#: How much of a name is compared with those that are known.
_LONGEST_COMPARED = 64

#: Returns the reference to a schema's component in the OpenAPI document.
Refer = Callable[[Schema], dict[str, Any]]
#: Returns the name by which generated code knows an object.
Bind = Callable[[object], str]


def _go_on() -> None:
    """Do not pause."""


class AddedTool(NamedTuple):
    """A tool that an item of the input brings, and where it stands.

    `path` is "" where it was checked before. `may_replace` says that an earlier one of that name
    may be declared otherwise.
    """

    tool: Tool
    path: str = ""
    may_replace: bool = False


@dataclass(slots=True)
class ReadContext:
    """What one reading of a body is given, and what it brings beside its values.

    `refuses_unknown` is the policy for keys that nobody knows (R21), `drops_unsupported` the
    policy for tools that only some upstreams know (R7); `ignored` names what was
    sent and will not be acted on (R1). `added_tools` are those that items of the input bring
    (G3). `has_cache_breakpoints` says that a part has one (U23), `detailed_parts` which types of
    parts say in what detail they are to be looked at. `trigger` is the path of the
    first item that asks for a compaction, "" where there is none (G7). `policy` is what the
    provider is sent as it came, and `forwarded` the fields of which that holds, by path;
    `allowed_tools` are the hosted tools that the caller's key allows, None for all.
    """

    drops_unsupported: bool = False
    refuses_unknown: bool = False
    #: What an earlier release has taken is not refused for what has been since.
    was_taken: bool = False
    ignored: list[str] = field(default_factory=list)
    dropped_tools: set[str] = field(default_factory=set)
    dropped_any_tool: bool = False
    added_tools: list[AddedTool] = field(default_factory=list)
    has_cache_breakpoints: bool = False
    detailed_parts: set[str] = field(default_factory=set)
    trigger: str = ""
    policy: PassPolicy = NOTHING_PASSES
    allowed_tools: tuple[str, ...] | None = None
    #: Whether there has to be some, or a history: not where nothing is answered.
    needs_input: bool = True
    forwarded: dict[str, Any] = field(default_factory=dict)
    #: Called now and then while something long is read, to let others run.
    pause: Callable[[], None] = _go_on

    def unknown(self, path: str, name: str, value: Any, known: Iterable[str]) -> None:
        """Name a key that nobody knows, `name` being its own; or keep it for who may know it.

        `known` are the keys that there are in its place.

        Raises:
            InvalidField: such keys are refused.
        """
        # A dot in a name would make a path of it that is another's, and so might a cut.
        if "." not in name and path.endswith(name) and self.forwards(path, value):
            return
        if self.refuses_unknown:
            near = get_close_matches(name[:_LONGEST_COMPARED], list(known), n=2)
            meant = f"did you mean {listed(tuple(near))}? " if near else ""
            what = f"is not known here: {meant}Leave it out, or look at how it is spelled."
            raise InvalidField("unknown_parameter", path, what)
        self.ignore(path)

    def forwards(self, path: str, value: Any) -> bool:
        """Keep a field for an upstream that is to get it as it came; else return False.

        Raises:
            InvalidField: it is nested deeper than can be written.
        """
        if not self.policy.forwards(path):
            return False
        if type(value) in (dict, list) and not is_shallow(value, MOST_NESTED):
            raise InvalidField("invalid_value", path, TOO_DEEP)
        self.forwarded[path] = value
        return True

    def ignore(self, path: str) -> None:
        """Name something that will not be acted on."""
        if len(self.ignored) < _MOST_IGNORED and path not in self.ignored:
            self.ignored.append(path)


class StrictField(fields.Field[Any]):
    """A field that takes a JSON value of its kind as it is, or refuses it.

    `null` is the same as absent wherever a field is not required (R2). `about` goes to the
    documentation, and so does `default`, which the domain's values set. `attribute` is where the
    domain's value has it, such as `a.b`; its own name by default. With `itself` it
    shows the value itself. `dump_default` is written where the value is None; `load_default` is the
    value of a key that is absent, where the domain's class has no default of its own.
    """

    def __init__(
        self,
        *,
        required: bool = False,
        nullable: bool | None = None,
        about: str = "",
        default: object = None,
        attribute: str | None = None,
        itself: bool = False,
        data_key: str | None = None,
        dump_default: Any = missing,
        load_default: Any = missing,
    ) -> None:
        metadata = {"description": about} if about else {}
        if default is not None:
            metadata["default"] = default  # type: ignore[assignment] # any JSON value
        super().__init__(
            required=required,
            allow_none=not required if nullable is None else nullable,
            metadata=metadata,
            attribute=attribute,
            data_key=data_key,
            dump_default=dump_default,
            load_default=load_default,
        )
        self.itself = itself

    @cached_property
    def key(self) -> str:
        """The key of the JSON object, once the field is part of a schema."""
        return self.data_key or str(self.name)

    @property
    def source(self) -> str:
        """The attribute of the domain's value that it shows; "" for the value itself."""
        return "" if self.itself else self.attribute or str(self.name)

    @property
    def is_optional(self) -> bool:
        """Whether an object that is written may lack the key; it is never null then."""
        return not self.required and not self.allow_none

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        """Return what the domain makes of `value`, a key of the object at `at`.

        Raises:
            InvalidField: the value is not what the field takes.
        """
        raise NotImplementedError

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        """Return the field's JSON schema, without its description or null."""
        raise NotImplementedError

    def dump_code(self, value: str, bind: Bind) -> str:
        """Return the code that makes JSON of the domain's `value`, which is code as well."""
        return value

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that makes the domain's value of JSON, `data`, once written by us."""
        return data

    def is_set_code(self, value: str) -> str:
        """Return the code of whether an optional field is written."""
        return f"{value} is not None"

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        """Return the code that reads an attribute of the domain's value, if the field shows it."""
        if attribute != self.source:
            return None
        raw = f"{data}.get({self.key!r})" if self.is_optional else f"{data}[{self.key!r}]"
        code = self.load_code(raw, bind)
        may_be_none = self.allow_none or self.is_optional
        return f"(None if {raw} is None else {code})" if may_be_none and code != raw else code

    def path(self, at: str) -> str:
        """Return the field's own path."""
        return join(at, self.key)

    def invalid(self, code: str, at: str, what: str) -> InvalidField:
        """Return a fault of this field."""
        return InvalidField(code, self.path(at), what)

    def mistyped(self, at: str, wanted: str, value: object) -> InvalidField:
        """Return the fault of a value of another kind."""
        return mistyped(self.path(at), wanted, value)
