"""Builds calls of built-in tools (G4), which models write as the arguments of a function."""

from __future__ import annotations

from typing import ClassVar

from app.domain.built_in.local_shell import LocalShellCall
from app.domain.items import BuiltInCall, ItemStatus, OutputItem
from app.domain.stream.events import ItemAdded, ItemDone
from app.domain.stream.item_builders import FunctionCallBuilder


class BuiltInCallBuilder(FunctionCallBuilder):
    """Builds a call of a built-in tool, whose arguments are shown once they are complete.

    `made` is the class of the item.
    """

    made: ClassVar[type[BuiltInCall]]

    def begin(self, output_index: int) -> None:
        """Write that the call has begun."""
        self._index = output_index
        arguments = self.made.readable("", is_cut=True)
        self._log.write(ItemAdded, output_index, self._call(arguments, "in_progress"))

    def add_arguments(self, fragment: str) -> None:
        """Add a fragment of the arguments."""
        if fragment:
            self._fragments.append(fragment)

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the call and return it."""
        arguments = self.made.readable(self.arguments, is_cut=status != "completed")
        item = self._call(arguments, status)
        self._log.write(ItemDone, self._index, item)
        return item

    def _call(self, arguments: str, status: ItemStatus) -> BuiltInCall:
        return self.made(self._id, self._call_id, self._name, arguments, status)


class LocalShellCallBuilder(BuiltInCallBuilder):
    """Builds a call of the local shell, which has no events of its own."""

    made = LocalShellCall
