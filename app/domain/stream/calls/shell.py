"""Builds calls of the shell: commands are written as they arrive, between the item's events.

output_item.added, shell_call_command.added, .delta, .done (for each command), output_item.done
"""

from __future__ import annotations

from typing import Any

from app.domain.arguments.reader import JsonReader, Piece
from app.domain.arguments.wanted import as_json, read_json
from app.domain.built_in.shell import COMMANDS, LocalEnvironment, ShellCall, action_in
from app.domain.items import BuiltInCall, ItemStatus, OutputItem
from app.domain.stream.call_events import CommandAdded, CommandDelta, CommandDone
from app.domain.stream.calls.built_in import BuiltInCallBuilder
from app.domain.stream.event_log import EventLog
from app.domain.stream.events import ItemDone


class ShellCallBuilder(BuiltInCallBuilder):
    """Builds a call of the shell."""

    made = ShellCall

    def __init__(self, log: EventLog, item_id: str, key: str, call_id: str, name: str) -> None:
        super().__init__(log, item_id, key, call_id, name)
        self._reader = JsonReader()
        self._source: str | int | None = None  # the key under which the commands are
        self._count = 0  # number of commands that have ended
        self._command: list[str] | None = None  # the open command

    def add_arguments(self, fragment: str) -> None:
        """Write the part of the commands that a fragment of the arguments adds."""
        super().add_arguments(fragment)
        for piece in self._reader.read(fragment):
            if self._is_of_command(piece):
                self._take(piece)

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the call and return it."""
        written, is_cut = self.arguments, status != "completed"
        action = action_in(self._value(written), written, is_cut=is_cut)
        if self._command is not None:
            self._end_command()
        for command in action["commands"][self._count :]:
            self._begin_command()
            self._add(command)
            self._end_command()
        item = self._call(as_json(action), status)
        self._log.write(ItemDone, self._index, item)
        return item

    def _call(self, arguments: str, status: ItemStatus) -> BuiltInCall:
        return ShellCall(
            self._id,
            self._call_id,
            self._name,
            arguments,
            status,
            environment={"type": LocalEnvironment.type},
        )

    def _value(self, written: str) -> Any:
        value = self._reader.value()
        return read_json(written) if value is None else value

    def _is_of_command(self, piece: Piece) -> bool:
        key, *inside = piece.path
        is_text = not inside or (len(inside) == 1 and isinstance(inside[0], int))
        if key not in COMMANDS or not is_text or self._source not in (None, key):
            return False
        self._source = key
        return True

    def _take(self, piece: Piece) -> None:
        match piece.step:
            case "begins":
                self._begin_command()
            case "goes_on":
                self._add(piece.text)
            case "ends":
                self._end_command()

    def _begin_command(self) -> None:
        self._command = []
        self._log.write(CommandAdded, self._index, self._count)

    def _add(self, text: str) -> None:
        if text and self._command is not None:
            self._command.append(text)
            self._log.write(CommandDelta, self._index, self._count, text)

    def _end_command(self) -> None:
        text = "".join(self._command or ())
        self._log.write(CommandDone, self._index, self._count, text)
        self._count, self._command = self._count + 1, None
