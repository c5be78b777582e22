"""Where a JSON text that comes in fragments comes to its end. Pure."""

from __future__ import annotations

import json
import re

_STRUCTURE = re.compile(r'\\.|\\\Z|["{}\[\]]', re.DOTALL)


class Brackets:
    """Where a JSON text that comes in fragments comes to its end; each fragment is looked at once.

    `is_whole` is whether the text is an object, None until that is certain.
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
        """Whether all that was opened is closed again."""
        return self._begun and self._depth == 0 and not self._in_text

    def look_at(self, fragments: list[str]) -> None:
        """Look at the fragments that are new."""
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
    """Tell whether a text is an object of JSON, and nothing more."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
