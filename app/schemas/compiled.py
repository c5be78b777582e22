"""Readers and writers of wire objects, compiled once from the declared fields.

    class ResponseErrorSchema(ValueSchema[ResponseError]):
        values = (ResponseError,)
        code = String(**ALWAYS)
        message = String(**ALWAYS)

becomes

    def dump(value):
        return {'code': value.code, 'message': value.message}

    def load(data):
        return _0(data['code'], data['message'])  # _0 is ResponseError

which is as fast as code written by hand (tests/schemas/test_wire_bytes.py checks the bytes).
"""

from __future__ import annotations

import dataclasses
import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from marshmallow import missing

from app.schemas.field import Bind, StrictField

Dump = Callable[[Any], dict[str, Any]]
Load = Callable[[dict[str, Any]], Any]

#: Types whose values are written into the code as literals.
_PLAIN = (bool, int, float, str)
_MOST_INLINE = 6


class _Code:
    """The code of a function being generated, and the objects that it refers to."""

    def __init__(self, title: str) -> None:
        self._title = title
        # Profilers, and the tests that count calls, group functions by their module.
        self._objects: dict[str, object] = {"__name__": __name__}

    def bind(self, thing: object) -> str:
        """Return the code of an object: a literal for a plain value, else a name bound to it."""
        if thing in (None, ()) or type(thing) in _PLAIN:
            return repr(thing)
        name = f"_{len(self._objects)}"
        self._objects[name] = thing
        return name

    def call(self, kind: type, arguments: Mapping[str, str]) -> str:
        """Return the code that constructs a value, with positional arguments as far as possible."""
        names = [each.name for each in dataclasses.fields(kind) if not each.kw_only]
        given = list(arguments)
        plain = next((n for n, name in enumerate(given) if names[n : n + 1] != [name]), len(given))
        codes = list(arguments.values())[:plain]
        codes += [f"{name}={arguments[name]}" for name in given[plain:]]
        return f"{self.bind(kind)}({', '.join(codes)})"

    def function(self, name: str, parameter: str, lines: Iterable[str]) -> Callable[[Any], Any]:
        """Compile these lines into a function; tracebacks show its source."""
        text = "\n    ".join((f"def {name}({parameter}):", *lines)) + "\n"
        file = f"<{self._title}.{name}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        # The code comes from declarations only, as with dataclasses: no input is in it.
        exec(compile(text, file, "exec"), self._objects)  # noqa: S102
        made: Callable[[Any], Any] = self._objects[name]  # type: ignore[assignment] # by exec
        return made


def compile_dump(title: str, fields: Sequence[StrictField], spread: str = "") -> Dump:
    """Return a function that turns a value into a JSON object, keys in the fields' order.

    `spread` names an attribute that is a mapping: its items come last, unchanged.
    """
    code = _Code(title)
    whole = _object(fields, "value", code.bind, f"**value.{spread}" if spread else "")
    additions = [
        f"if {each.is_set_code(_source(each, 'value'))}: data[{each.key!r}] = "
        + _written(each, "value", code.bind)
        for each in fields
        if each.is_optional
    ]
    lines = (f"data = {whole}", *additions, "return data") if additions else (f"return {whole}",)
    return code.function("dump", "value", lines)


def inline_dump(fields: Sequence[StrictField], value: str, bind: Bind) -> str | None:
    """Return an expression for a small JSON object of `value`, if that is cheaper than a call.

    MEASURED: a call takes as long as four attributes, and most such objects have no more.
    """
    if len(fields) > _MOST_INLINE or any(each.is_optional for each in fields):
        return None
    return _object(fields, value, bind)


def _object(fields: Iterable[StrictField], value: str, bind: Bind, last: str = "") -> str:
    """Return the code of a dict with the fields that are always present."""
    pairs = [
        f"{each.key!r}: {_written(each, value, bind)}" for each in fields if not each.is_optional
    ]
    return "{" + ", ".join([*pairs, last] if last else pairs) + "}"


def _written(field: StrictField, value: str, bind: Bind) -> str:
    """Return the code that writes a field's JSON."""
    source = _source(field, value)
    written = field.dump_code(_or_default(field, source, bind), bind)
    is_nullable = field.required and field.allow_none and written != source
    return f"None if {source} is None else {written}" if is_nullable else written


def _source(field: StrictField, value: str) -> str:
    """Return the code that reads a field's attribute of `value`."""
    return f"{value}.{field.source}" if field.source else value


def _or_default(field: StrictField, source: str, bind: Bind) -> str:
    default = field.dump_default
    if default is missing:
        return source
    if not default:  # a falsy default replaces any falsy value, such as 0.0
        return f"({source} or {default!r})"
    return f"({bind(default)} if {source} is None else {source})"


def compile_load(
    title: str, kind: type, fields: Sequence[StrictField], spread: str = ""
) -> Load | None:
    """Return a function that makes the value from JSON written by `dump`.

    None if the JSON does not contain all that the value needs. `spread` is the attribute that
    receives the keys of no field.
    """
    code = _Code(title)
    if not dataclasses.is_dataclass(kind):
        found = _find("", fields, code)
        return None if found is None else code.function("load", "data", (f"return {found}",))
    arguments = {}
    for each in dataclasses.fields(kind):
        found = _find(each.name, fields, code)
        if found is None and each.name == spread:
            own = code.bind(frozenset(field.key for field in fields))
            found = f"{{key: each for key, each in data.items() if key not in {own}}}"
        if found is not None:
            arguments[each.name] = found
        elif each.default is each.default_factory is dataclasses.MISSING:
            return None
    return code.function("load", "data", (f"return {code.call(kind, arguments)}",))


def compile_build(title: str, kind: type, fields: Iterable[StrictField]) -> Load:
    """Return a function that makes the value from the validated fields of a request.

    `{"call_id": "c", "output": "4"}` becomes `FunctionCallOutput("", "c", "4", "completed")`.
    """
    code = _Code(title)
    by_source = {field.source: field for field in fields}
    arguments = {}
    for each in dataclasses.fields(kind):
        field = by_source.get(each.name)
        if field is None:
            continue
        if field.required:
            arguments[each.name] = f"found[{field.key!r}]"
        else:
            default = each.default if field.load_default is missing else field.load_default
            arguments[each.name] = f"found.get({field.key!r}, {code.bind(default)})"
    return code.function("build", "found", (f"return {code.call(kind, arguments)}",))


def _find(attribute: str, fields: Iterable[StrictField], code: _Code) -> str | None:
    """Return the code that reads an attribute; its own field precedes one that contains it."""
    for field in sorted(fields, key=lambda each: each.itself):
        found = field.find(attribute, "data", code.bind)
        if found is not None:
            return found
    return None
