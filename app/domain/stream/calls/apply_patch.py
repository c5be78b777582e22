"""Builds calls of apply_patch: the item is written once its file is known, the diff as it arrives.

    output_item.added, apply_patch_call_operation_diff.delta ..., .done, output_item.done

A deletion has no diff, and neither of the events in between.
"""

from __future__ import annotations

from typing import Any

from app.domain.arguments.reader import JsonReader, Piece
from app.domain.arguments.wanted import as_json, read_json
from app.domain.built_in.apply_patch import DELETE, ApplyPatchCall, operation_in, operation_type
from app.domain.items import ItemStatus, OutputItem
from app.domain.stream.call_events import DiffDelta, DiffDone
from app.domain.stream.calls.built_in import BuiltInCallBuilder
from app.domain.stream.event_log import EventLog
from app.domain.stream.events import ItemAdded, ItemDone


class ApplyPatchCallBuilder(BuiltInCallBuilder):
    """Builds a call of apply_patch."""

    made = ApplyPatchCall

    def __init__(self, log: EventLog, item_id: str, key: str, call_id: str, name: str) -> None:
        super().__init__(log, item_id, key, call_id, name)
        self._reader = JsonReader()
        self._texts: dict[str, list[str]] = {}  # strings of the operation, by key
        self._type: str | None = None
        self._path = ""
        self._written = 0  # number of pieces of the diff that are in events
        self._is_added = self._is_diff_done = False

    def begin(self, output_index: int) -> None:
        """Reserve the call's index; its content is still to come."""
        self._index = output_index

    def add_arguments(self, fragment: str) -> None:
        """Write the part of the diff that a fragment of the arguments adds."""
        super().add_arguments(fragment)
        for piece in self._reader.read(fragment):
            if len(piece.path) == 2 and piece.path[0] == "operation":
                self._take(str(piece.path[1]), piece)

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the call and return it."""
        written, is_cut = self.arguments, status != "completed"
        operation = operation_in(self._value(written), written, is_cut=is_cut)
        if not self._is_added:
            self._add_item(operation["type"], operation["path"])
        if operation["type"] != DELETE and not self._is_diff_done:
            pieces = self._texts.setdefault("diff", [])
            rest = operation["diff"][len("".join(pieces)) :]
            if rest:
                pieces.append(rest)
            self._write_diff()
            self._end_diff()
        # The API has no status for such a call that was cut short.
        item = self._call(as_json({"operation": operation}), "in_progress" if is_cut else status)
        self._log.write(ItemDone, self._index, item)
        return item

    def _value(self, written: str) -> Any:
        value = self._reader.value()
        return read_json(written) if value is None else value

    def _take(self, name: str, piece: Piece) -> None:
        texts = self._texts.setdefault(name, [])
        if piece.step == "goes_on":
            texts.append(piece.text)
        elif piece.step == "ends" and name == "type":
            self._type = operation_type("".join(texts))
        elif piece.step == "ends" and name == "path":
            self._path = "".join(texts)
        if not self._is_added and self._type and self._path:
            self._add_item(self._type, self._path)
        if self._is_added and self._type != DELETE:
            self._write_diff()
            if name == "diff" and piece.step == "ends":
                self._end_diff()

    def _add_item(self, kind: str, path: str) -> None:
        self._is_added = True
        diff = {} if kind == DELETE else {"diff": ""}
        arguments = as_json({"operation": {"type": kind, "path": path} | diff})
        self._log.write(ItemAdded, self._index, self._call(arguments, "in_progress"))

    def _write_diff(self) -> None:
        pieces = self._texts.get("diff", [])
        text = "".join(pieces[self._written :])
        self._written = len(pieces)
        if text:
            self._log.write(DiffDelta, self._id, self._index, text)

    def _end_diff(self) -> None:
        self._is_diff_done = True
        diff = "".join(self._texts.get("diff", ()))
        self._log.write(DiffDone, self._id, self._index, diff)
