"""A field of a JSON object: how it is validated, written, read and documented."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any, NamedTuple

from marshmallow import Schema, fields, missing

from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.domain.tools import Tool
from app.errors import GatewayError
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.invalid import InvalidField, join, listed, mistyped

#: Maximum number of ignored names kept: the header lists 20 (R1), and one more shows a cut.
_MOST_IGNORED = 21
#: Characters of a name that are compared with known names.
_LONGEST_COMPARED = 64

#: Returns the reference to a schema's component in the OpenAPI document.
Refer = Callable[[Schema], dict[str, Any]]
#: Returns the code by which generated code refers to an object.
Bind = Callable[[object], str]


def _go_on() -> None:
    """Do not pause."""


class AddedTool(NamedTuple):
    """A tool that an input item declares, and its position.

    `path` is "" if it was validated before. `may_replace` allows a declaration that differs from
    an earlier tool's of the same name.
    """

    tool: Tool
    path: str = ""
    may_replace: bool = False


@dataclass(slots=True)
class ReadContext:
    """The settings of one reading of a body, and what it collects besides the values.

    `refuses_unknown` is the policy for unknown keys (R21), `drops_unsupported` that for tools that
    only some upstreams support (R7); `ignored` lists what was sent and has no effect (R1).
    `added_tools` are those that input items declare (G3). `only_searches` is the error for a list
    of searches alone, which are left out: it is raised unless another tool remains (R7).
    `has_cache_breakpoints` tells that a part has one (U23), `detailed_parts` which types of parts
    request a level of detail. `trigger` is the path of the first item that requests a compaction,
    "" if there is none (G7). `policy` says what the provider receives unchanged, and `forwarded`
    collects such fields by path; `allowed_tools` are the hosted tools that the caller's key allows,
    None for all.
    """

    drops_unsupported: bool = False
    refuses_unknown: bool = False
    #: Set for requests that an earlier release accepted: they skip the checks added since.
    was_taken: bool = False
    ignored: list[str] = field(default_factory=list)
    dropped_tools: set[str] = field(default_factory=set)
    dropped_any_tool: bool = False
    added_tools: list[AddedTool] = field(default_factory=list)
    only_searches: GatewayError | None = None
    has_cache_breakpoints: bool = False
    detailed_parts: set[str] = field(default_factory=set)
    trigger: str = ""
    policy: PassPolicy = NOTHING_PASSES
    allowed_tools: tuple[str, ...] | None = None
    #: Whether an input or a history is required: not if no answer is generated.
    needs_input: bool = True
    forwarded: dict[str, Any] = field(default_factory=dict)
    #: Called now and then during a long read, to let other requests run.
    pause: Callable[[], None] = _go_on

    def unknown(self, path: str, name: str, value: Any, known: Iterable[str]) -> None:
        """Ignore the unknown key `name` at `path`, or keep it for an upstream that may know it.

        `known` are the keys that the object has instead.

        Raises:
            InvalidField: unknown keys are refused.
        """
        # A name with a dot, or one cut short, could form the path of another field.
        if "." not in name and path.endswith(name) and self.forwards(path, value):
            return
        if self.refuses_unknown:
            near = get_close_matches(name[:_LONGEST_COMPARED], list(known), n=2)
            meant = f"did you mean {listed(tuple(near))}? Else leave" if near else "leave"
            what = f"is not known here: {meant} it out, or look at how it is spelled."
            raise InvalidField("unknown_parameter", path, what)
        self.ignore(path)

    def forwards(self, path: str, value: Any) -> bool:
        """Keep a field for an upstream that receives it unchanged; return whether it does.

        Raises:
            InvalidField: it is nested too deeply to be written.
        """
        if not self.policy.forwards(path):
            return False
        if type(value) in (dict, list) and not is_shallow(value, MOST_NESTED):
            raise InvalidField("invalid_value", path, TOO_DEEP)
        self.forwarded[path] = value
        return True

    def ignore(self, path: str) -> None:
        """Record that something has no effect."""
        if len(self.ignored) < _MOST_IGNORED and path not in self.ignored:
            self.ignored.append(path)


class StrictField(fields.Field[Any]):
    """A field that accepts a JSON value of its own type without conversion, or refuses it.

    `null` equals absent unless the field is required (R2). `about` and `default` are for the
    documentation; the domain's classes set the actual default. `attribute` is where the domain's
    value has it, such as `a.b`; by default the field's name. With `itself` the field represents
    the value itself. `dump_default` is written if the value is None; `load_default` is used for
    an absent key if the domain's class has no default of its own.
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
        """The attribute of the domain's value that it represents; "" for the value itself."""
        return "" if self.itself else self.attribute or str(self.name)

    @property
    def is_optional(self) -> bool:
        """Whether written objects may lack the key; if present, it is not null."""
        return not self.required and not self.allow_none

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        """Return the domain's form of `value`, which is a key's value in the object at `at`.

        Raises:
            InvalidField: the value is not valid for this field.
        """
        raise NotImplementedError

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        """Return the field's JSON schema, without description and null."""
        raise NotImplementedError

    def dump_code(self, value: str, bind: Bind) -> str:
        """Return the code that turns the domain's value into JSON; `value` is code as well."""
        return value

    def load_code(self, data: str, bind: Bind) -> str:
        """Return the code that turns JSON that we wrote, `data`, into the domain's value."""
        return data

    def is_set_code(self, value: str) -> str:
        """Return the condition under which an optional field is written."""
        return f"{value} is not None"

    def find(self, attribute: str, data: str, bind: Bind) -> str | None:
        """Return the code that reads an attribute of the domain's value, if this field has it."""
        if attribute != self.source:
            return None
        raw = f"{data}.get({self.key!r})" if self.is_optional else f"{data}[{self.key!r}]"
        code = self.load_code(raw, bind)
        may_be_none = self.allow_none or self.is_optional
        return f"(None if {raw} is None else {code})" if may_be_none and code != raw else code

    def path(self, at: str) -> str:
        """Return the path of the field."""
        return join(at, self.key)

    def invalid(self, code: str, at: str, what: str) -> InvalidField:
        """Return an error about this field."""
        return InvalidField(code, self.path(at), what)

    def mistyped(self, at: str, wanted: str, value: object) -> InvalidField:
        """Return the error for a value of the wrong type."""
        return mistyped(self.path(at), wanted, value)
