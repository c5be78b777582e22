"""Counts what the interpreter does: function calls, and the instructions of their bytecode.

Only this thread, and only inside the block. Whose code it is says the module: `app`, or a library
(the standard library included); the tests' own is nobody's.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Self

AREAS = ("app", "library")


class Calls:
    """Python functions that were entered, generators that were resumed among them."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(AREAS, 0)

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _note(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call" and (area := _area(frame)):
            self.counts[area] += 1


class Instructions:
    """Bytecode instructions that were executed: a loop shows, whatever it calls."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(AREAS, 0)

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._entered)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _entered(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        area = _area(frame)
        if area is None:
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        counts = self.counts

        def step(_frame: FrameType, event: str, _arg: Any) -> Any:
            if event == "opcode":
                counts[area] += 1
            return step

        return step


def _area(frame: FrameType) -> str | None:
    # Not the file: the methods that dataclasses make have none, but know their module.
    room = frame.f_globals.get("__name__", "").partition(".")[0]
    return {"app": "app", "tests": None, "__main__": None}.get(room, "library")
