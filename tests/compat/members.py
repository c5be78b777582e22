"""The members that are probed by what is asked: what the request without, and with one, says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from openai.types.responses.response_includable import ResponseIncludable
from openai.types.responses.response_input_content_param import ResponseInputContentParam
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from openai.types.responses.response_output_message_param import ResponseOutputMessageParam
from openai.types.responses.tool_param import ToolParam

from tests.compat import sdk, values
from tests.compat.sdk import Json

USER: Json = {"role": "user", "content": "Hi"}
SAID: Json = {"role": "assistant", "content": "Hello."}
ASKED: Json = {"role": "user", "content": "Go on"}
_PARAMETERS = sdk.fields(ResponseCreateParamsStreaming)
#: Whose members have a group of their own.
_OWN_GROUPS = ("include", "input", "tools", "tool_choice")


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that a request can say; `path` is how the gateway names it (R3)."""

    group: str
    name: str
    before: Json
    given: Json
    path: str


def members() -> Iterator[Member]:
    """Yield every member of the SDK's types that a request can hold."""
    yield from _parameters()
    yield from _include()
    yield from _items()
    yield from _parts()
    yield from _tools()
    yield from _choices()


def _parameters() -> Iterator[Member]:
    for name, hint in _PARAMETERS.items():
        beside = {"input": "Hi"} | values.BESIDE.get(name, {})
        value = values.PARAMETERS.get(name, sdk.sample(hint, name))
        yield Member("Parameters", name, beside, beside | {name: value}, name)
        if name not in _OWN_GROUPS:
            yield from _keys(name, hint, beside)


def _keys(name: str, hint: Any, beside: Json) -> Iterator[Member]:
    """Yield the keys of a parameter that is an object, or a list of objects."""
    for kind in sdk.alternatives(hint):
        inner = [kind] if sdk.is_object(kind) else [*sdk.elements(kind)]
        is_list = not sdk.is_object(kind)
        for each in filter(sdk.is_object, inner):
            must = {
                key: values.PARAMETERS.get(f"{name}.{key}", value)
                for key, value in sdk.least(each).items()
            }
            for key, value in _key_values(name, each):
                at, _, _ = key.partition(".")
                whole = must | {at: value}
                before = {} if at in must else {name: [must] if is_list else must} if must else {}
                before = values.BEFORE.get(f"{name}.{key}", before)
                yield Member(
                    "Parameters",
                    f"{name}.{key}",
                    beside | before,
                    beside | {name: [whole] if is_list else whole},
                    f"{name}{'[0]' if is_list else ''}.{at}",
                )


def _key_values(name: str, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield a parameter's keys with a value each; with one for each kind that a value may have."""
    for key, hint in sdk.fields(kind).items():
        kinds = sdk.by_type(hint)
        for word, each in kinds.items() if len(kinds) > 1 else ():
            given = values.PARAMETERS.get(f"{name}.{key}.{word}", sdk.least(each))
            yield f"{key}.{word}", given
        if len(kinds) < 2:
            yield key, values.PARAMETERS.get(f"{name}.{key}", sdk.sample(hint, key))


def _include() -> Iterator[Member]:
    picture = {"type": "input_image", "image_url": sdk.TEXTS["image_url"]}
    before: Json = {"input": [{"role": "user", "content": [picture]}]}
    for value in sdk.literals(ResponseIncludable):
        yield Member("include", value, before, before | {"include": [value]}, "include")


def _items() -> Iterator[Member]:
    kinds = {name: sdk.least(kind) for name, kind in _input_kinds().items()}
    items = {name: {"type": name} | values.ITEMS.get(name, least) for name, least in kinds.items()}
    items["item_reference"] = {"type": "item_reference", "id": values.STORED_ITEM}
    calls = {output: call for call, output in values.OUTPUTS.items()}
    for name, item in items.items():
        turns: list[Any] = [USER, values.MADE_ITEMS.get(name, item), ASKED]
        at = 1
        if name in values.OUTPUTS:
            turns.insert(2, items[values.OUTPUTS[name]])
        elif name in calls:
            turns.insert(1, items[calls[name]])
            at = 2
        elif name == "compaction_trigger":
            turns, at = [USER, ASKED, item], 2
        elif name == "reasoning":  # it is sent with what followed it
            turns.insert(2, SAID)
        without = {"input": [each for each in turns if each in (USER, SAID, ASKED)]}
        yield Member("Items of input", name, without, {"input": turns}, f"input[{at}]")


def _input_kinds() -> dict[str, type]:
    return sdk.by_type(ResponseInputItemParam)


def _parts() -> Iterator[Member]:
    content = sdk.fields(ResponseOutputMessageParam)["content"]
    said = {
        word: kind for each in sdk.elements(content) for word, kind in sdk.by_type(each).items()
    }
    for name, kind in sdk.by_type(ResponseInputContentParam).items():
        yield from _part(name, kind, 0, "user")
    for name, kind in said.items():
        yield from _part(name, kind, 1, "assistant")


def _part(name: str, kind: type, turn: int, role: str) -> Iterator[Member]:
    """Yield a kind of part, and what it can have beside its content."""
    own = {"type": name} | values.PARTS.get(name, sdk.least(kind))
    plain: Json = {"type": "output_text" if turn else "input_text", "text": "Hi"}

    def message(*parts: Json) -> Json:
        turns = [USER] * turn + [{"role": role, "content": [plain, *parts]}] + [ASKED] * turn
        return {"input": turns}

    path = f"input[{turn}].content[1]"
    yield Member("Content parts", name, message(), message(own), path)
    for key in sdk.fields(kind):
        value = values.PART_VALUES.get(key) or sdk.sample(sdk.fields(kind)[key], key)
        if key in values.SOURCES:
            source = {"type": name, key: value}
            yield Member(
                "Content parts", f"{name}.{key}", message(), message(source), f"{path}.{key}"
            )
        elif key != "type" and key not in own:
            beside = values.BESIDE_PARTS.get(key, {})
            before, given = message(own) | beside, message(own | {key: value}) | beside
            yield Member("Content parts", f"{name}.{key}", before, given, f"{path}.{key}")


def tools() -> dict[str, Json]:
    """Return a tool of each type."""
    return {
        name: {"type": name} | values.TOOLS.get(name, _untyped(sdk.least(kind)))
        for name, kind in sdk.by_type(ToolParam).items()
    }


def _untyped(value: Json) -> Json:
    return {key: each for key, each in value.items() if key != "type"}


def _tools() -> Iterator[Member]:
    before: Json = {"input": "Hi", "tools": [values.FUNCTION]}
    for name, tool in tools().items():
        given = before | {"tools": [values.FUNCTION, tool]}
        yield Member("Tools", name, before, given, "tools[1]")


def _choices() -> Iterator[Member]:
    hint, known = _PARAMETERS["tool_choice"], tools()
    for word in sdk.literals(hint):
        before: Json = {"input": "Hi", "tools": [values.FUNCTION]}
        other = {"tool_choice": "none"} if word == "auto" else {}
        given = before | {"tool_choice": word}
        yield Member("Tool choices", f'"{word}"', before | other, given, "tool_choice")
    for name, kind in sdk.by_type(hint).items():
        tool = known.get(name, values.FUNCTION) if name != "function" else values.FUNCTION
        before = {"input": "Hi", "tools": [tool, values.OTHER]}
        choice = {"type": name} | values.CHOICES.get(name, _untyped(sdk.least(kind)))
        given = before | {"tool_choice": choice}
        yield Member("Tool choices", name, before, given, "tool_choice")
