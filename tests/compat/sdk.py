"""What the SDK's types declare: members, each with a value that the type allows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from typing_extensions import is_typeddict

Json = dict[str, Any]

_WRAPPERS = (Annotated, Required, NotRequired)
_PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
#: What a text has to be, by the name of its key; any other is "x".
TEXTS = {
    "arguments": "{}",
    "call_id": "call_1",
    "content_type": "image/png",
    "encrypted_content": "c2VhbGVk",
    "expires_at": "2030-01-01",
    "file_data": "data:application/pdf;base64,JVBERi0xLjQKJUVPRg==",
    "filename": "a.pdf",
    "file_url": "https://files.example/a.pdf",
    "id": "item_1",
    "image_url": _PICTURE,
    "name": "look_up",
    "output": "4",
    "server_url": "https://mcp.example/sse",
    "url": "https://a.example/",
}
_PLAIN: dict[object, Any] = {bool: True, int: 16, float: 0.5, object: "x", Any: "x"}


@cache
def fields(kind: type) -> dict[str, Any]:
    """Return the fields of an object of the SDK's with their types."""
    if is_typeddict(kind):
        return get_type_hints(kind, include_extras=True)
    assert issubclass(kind, BaseModel)
    return {name: each.annotation for name, each in kind.model_fields.items()}


def required(kind: type) -> list[str]:
    """Return the fields without which an object is none."""
    if is_typeddict(kind):
        # Its own list of them is empty where annotations are texts, as they are in the SDK.
        return [name for name, hint in fields(kind).items() if get_origin(hint) is Required]
    assert issubclass(kind, BaseModel)
    return [name for name, each in kind.model_fields.items() if each.is_required()]


def bare(hint: Any) -> Any:
    """Return a type without what is said about it."""
    while get_origin(hint) in _WRAPPERS:
        hint = get_args(hint)[0]
    return hint


def alternatives(hint: Any) -> Iterator[Any]:
    """Yield what a value of the type may be, null left out."""
    hint = bare(hint)
    if get_origin(hint) in (Union, UnionType):
        for each in get_args(hint):
            yield from alternatives(each)
    elif hint is not NoneType:
        yield hint


def is_object(hint: Any) -> bool:
    """Tell whether the type is one of the SDK's objects."""
    return isinstance(hint, type) and (is_typeddict(hint) or issubclass(hint, BaseModel))


def elements(hint: Any) -> Iterator[Any]:
    """Yield what the elements of a list may be; nothing for what is no list."""
    hint = bare(hint)
    arguments = get_args(hint)
    if len(arguments) == 1 and get_origin(hint) not in (Literal, Union):
        yield from alternatives(arguments[0])


def types(kind: type) -> tuple[str, ...]:
    """Return what the key `type` of an object may say."""
    found = fields(kind).get("type")
    return () if found is None else literals(found)


def literals(hint: Any) -> tuple[str, ...]:
    """Return the words that a type allows."""
    return tuple(
        word
        for each in alternatives(hint)
        if get_origin(each) is Literal
        for word in get_args(each)
    )


def by_type(union: Any) -> dict[str, type]:
    """Return the objects of a union, by what their key `type` says."""
    kinds = [each for each in alternatives(union) if is_object(each)]
    return {word: kind for kind in kinds for word in types(kind)}


def sample(hint: Any, name: str = "") -> Any:
    """Return the least that a type allows."""
    kind = next(alternatives(hint))
    if is_object(kind):
        return least(kind)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if kind is str:
        return TEXTS.get(name, "x")
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) is dict:
        return {"a": sample(get_args(kind)[1])}
    inner = list(elements(kind))
    return [sample(inner[0], name)] if inner else "x"


def least(kind: type, **more: Any) -> Json:
    """Return an object with what it must have, and `more`."""
    return {name: sample(fields(kind)[name], name) for name in required(kind)} | more
