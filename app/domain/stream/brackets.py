"""Finds the end of a JSON text that arrives in fragments. Pure."""

from __future__ import annotations

import json
import re

_STRUCTURE = re.compile(r'\\.|\\\Z|["{}\[\]]', re.DOTALL)


class Brackets:
    """Finds the end of a JSON text that arrives in fragments; examines each fragment once.

    `is_whole` tells whether the text is a complete object, None while that is uncertain.
    """

    def __init__(self) -> None:
        self.is_whole: bool | None = None
        self._seen = 0
        self._begun = False
        self._depth = 0
        self._in_text = False
        self._escapes = False  # whether the next character is escaped

    @property
    def are_closed(self) -> bool:
        """Whether every bracket and string that was opened is closed."""
        return self._begun and self._depth == 0 and not self._in_text

    def look_at(self, fragments: list[str]) -> None:
        """Examine the fragments that are new."""
        for fragment in fragments[self._seen :]:
            self._look(fragment)
        self._seen = len(fragments)

    def _look(self, fragment: str) -> None:
        start, self._escapes = int(self._escapes), False
        for found in _STRUCTURE.finditer(fragment, start):
            sign = found[0]
            if sign[0] == "\\":
                self._escapes = len(sign) == 1
            elif sign == '"':
                self._in_text = not self._in_text
            elif not self._in_text:
                self._begun = True
                self._depth += 1 if sign in "{[" else -1


def is_object(text: str) -> bool:
    """Tell whether a text is a JSON object, and nothing more."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
