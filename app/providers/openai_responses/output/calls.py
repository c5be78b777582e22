"""Calls in an answer as far as they have been read, each turning new content into deltas."""

from __future__ import annotations

import json
from typing import ClassVar

from app.domain.items import BuiltInCall
from app.domain.stream.calls.replay import as_written, escaped, opening
from app.domain.stream.deltas import Arguments, CallOpened, Delta, ItemEnded
from app.providers.openai_responses.calls import built_in_type
from app.providers.openai_responses.output.items import OutputItem
from app.providers.reading.events import Json
from app.providers.reading.fields import arguments_text, id_text, name_of
from app.providers.reading.understanding import ContentReader
from app.schemas.field import ReadContext
from app.schemas.invalid import InvalidField
from app.schemas.request.items.input import ITEMS

#: The item types of calls to built-in tools.
BUILT_IN_CALLS = tuple(
    kind
    for kind, schema in ITEMS.items()
    if any(issubclass(each, BuiltInCall) for each in schema.values)
)


class CallItem(OutputItem):
    """A function call; `key` identifies it in the deltas.

    Its `namespace` is used only if the upstream was sent namespaces.
    """

    kind: ClassVar[str] = "function_call"

    def __init__(
        self, item_json: Json, reader: ContentReader, key: str, *, has_namespaces: bool = False
    ) -> None:
        super().__init__(item_json, reader)
        self._key = key
        namespace = reader.string(item_json, "namespace") if has_namespaces else ""
        self._namespace = namespace or None
        self._program_id = _program_id(item_json)
        self._call_id = id_text(item_json.get("call_id")) or id_text(item_json.get("id")) or None
        self._name = name_of(item_json)
        self._arguments: list[str] = []

    @classmethod
    def can_begin(cls, item_json: Json) -> bool:
        return bool(item_json.get("name"))

    def may_be(self, item_json: Json) -> bool:
        return (id_text(item_json.get("call_id")) or self._call_id) == self._call_id

    def may_end_as(self, item_json: Json) -> bool:
        whole = arguments_text(item_json.get("arguments") or item_json.get("input"))
        return item_json.get("name") == self._name and whole.startswith("".join(self._arguments))

    def opened(self) -> list[Delta]:
        return [self._opened(is_plain_input=False)]

    def _opened(self, *, is_plain_input: bool) -> CallOpened:
        return CallOpened(
            self._key,
            self._call_id,
            self._name,
            self._namespace,
            is_plain_input,
            program_id=self._program_id,
        )

    def add_arguments(self, event: Json) -> list[Delta]:
        """Add a piece of the arguments."""
        self._arguments.append(piece := arguments_text(event.get("delta")))
        return [Arguments(self._key, piece)] if piece else []

    def rest(self, item_json: Json) -> list[Delta]:
        known = "".join(self._arguments)
        if rest := arguments_text(item_json.get("arguments"))[len(known) :]:
            self._arguments.append(rest)
            return [Arguments(self._key, rest)]
        return []

    def ended(self) -> list[Delta]:
        return [ItemEnded()]

    def ended_late(self) -> list[Delta]:
        """Return the deltas for its end if another item has begun since.

        The narrator holds that item back until these arguments are complete JSON: if they are, no
        delta is needed.
        """
        known = "".join(self._arguments)
        if not known:
            return [Arguments(self._key, "{}")]
        return [] if _is_json(known) else [ItemEnded()]


class CustomCallItem(CallItem):
    """A call of a custom tool, whose input is plain text."""

    kind: ClassVar[str] = "custom_tool_call"

    def opened(self) -> list[Delta]:
        return [self._opened(is_plain_input=True)]

    def add_input(self, event: Json) -> list[Delta]:
        """Add a piece of the input."""
        return self._added(self._reader.text(event, "delta"))

    def rest(self, item_json: Json) -> list[Delta]:
        known = "".join(self._arguments)
        return self._added(self._reader.text(item_json, "input")[len(known) :])

    def ended_late(self) -> list[Delta]:
        """Return the deltas for its end, which plain text does not show by itself."""
        return self.ended()

    def _added(self, piece: str) -> list[Delta]:
        self._arguments.append(piece)
        return [Arguments(self._key, piece)] if piece else []


class BuiltInCallItem(CallItem):
    """A call of a built-in tool; its content is in the whole item, and may come in events before.

    The content of events is written as JSON, like the arguments of a function call.
    """

    kind: ClassVar[str] = "built_in"

    def __init__(
        self, item_json: Json, reader: ContentReader, key: str, *, has_namespaces: bool = False
    ) -> None:
        self._tool = built_in_type(reader.string(item_json, "type"))
        named = item_json | {"name": self._tool}
        super().__init__(named, reader, key, has_namespaces=has_namespaces)
        begun = self._read(item_json)
        self._opening = opening(begun) if begun else ""
        self._texts = 0  # the number of commands that have begun
        self._size = 0  # the characters read of the open text

    @classmethod
    def can_begin(cls, _item_json: Json) -> bool:
        return True

    def opened(self) -> list[Delta]:
        return [CallOpened(self._key, self._call_id, self._tool, built_in=self._tool)]

    def begin_command(self, _event: Json) -> list[Delta]:
        """Begin another shell command."""
        self._texts += 1
        self._size = 0
        return self._write('"' if self._texts == 1 else ', "')

    def add_piece(self, event: Json) -> list[Delta]:
        """Add a piece of a command, or of a diff."""
        return self._add_text(self._reader.text(event, "delta"))

    def end_command(self, event: Json) -> list[Delta]:
        """Add what is new in a whole command, and end it."""
        return self._end_text(self._reader.text(event, "command"))

    def end_diff(self, event: Json) -> list[Delta]:
        """Add what is new in a whole diff, and end it."""
        return self._end_text(self._reader.text(event, "diff"))

    def rest(self, item_json: Json) -> list[Delta]:
        item = self._read(item_json)
        if item is None:  # the invalid path comes from the server: not fit for a metric's label
            self._reader.note(self._tool)
            return []
        known, whole = "".join(self._arguments), item.arguments
        if known:
            whole = as_written(item)
            if not whole.startswith(known):
                self._reader.note(self._tool)
                return []
        return super().rest({"arguments": whole})

    def _read(self, item_json: Json) -> BuiltInCall | None:
        """Return the item in the gateway's form, None if it is malformed."""
        try:
            item: BuiltInCall = ITEMS[item_json["type"]].read(item_json, "", ReadContext())
        except InvalidField:
            return None
        return item

    def _add_text(self, piece: str) -> list[Delta]:
        self._size += len(piece)
        return self._write(escaped(piece)) if piece else []

    def _end_text(self, whole: str) -> list[Delta]:
        return [*self._add_text(whole[self._size :]), *self._write('"')]

    def _write(self, fragment: str) -> list[Delta]:
        """Add a fragment to the arguments, if their beginning is known."""
        if not self._opening:
            return []
        piece = fragment if self._arguments else self._opening + fragment
        self._arguments.append(piece)
        return [Arguments(self._key, piece)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _program_id(item_json: Json) -> str | None:
    """Return the call_id of the program that made a call, None if the model made it itself."""
    caller = item_json.get("caller")
    if not isinstance(caller, dict) or caller.get("type") != "program":
        return None
    return id_text(caller.get("caller_id")) or None
