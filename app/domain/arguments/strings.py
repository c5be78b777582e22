r"""The inside of a string of JSON, wherever it is cut.

a\    nb\ud83d    \ude00"}    becomes    a    newline b    the emoji, and "} is left
"""

from __future__ import annotations

import json
import re

# Models write unescaped line ends into strings: invalid JSON, but their meaning is clear.
_characters = re.compile(r'(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+').match
_is_cut_escape = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?").fullmatch
_surrogates = re.compile("([\ud800-\udbff][\udc00-\udfff])|[\ud800-\udfff]")
_LOST = "\ufffd"


class StringDecoder:
    """Decodes one string, from after its opening quote on."""

    def __init__(self) -> None:
        self._cut = ""  # the beginning of an escape
        self._high = ""  # the first half of a surrogate pair

    def read(self, text: str) -> tuple[str, str]:
        """Return the characters that the text adds, and the rest of the text.

        The rest begins with the closing quote, or with a backslash that escapes nothing.
        """
        text = self._cut + text
        end = _characters(text).end()  # type: ignore[union-attr] # it matches nothing as well
        found, rest = self._decoded(text[:end]), text[end:]
        self._cut = ""
        if not rest:
            return found, ""
        if _is_cut_escape(rest):
            self._cut = rest
            return found, ""
        return found + self._lost_half(), rest

    def end(self) -> str:
        """Return what is pending when all text has ended, unchanged."""
        cut, self._cut = self._cut, ""
        return self._lost_half() + cut

    def _decoded(self, text: str) -> str:
        """Decode JSON characters; half of a surrogate pair waits for the other."""
        if "\\" not in text:
            return self._lost_half() + text if text and self._high else text
        decoded: str = self._high + json.loads(f'"{text}"', strict=False)
        self._high = ""
        if "\ud800" <= decoded[-1] <= "\udbff":
            self._high, decoded = decoded[-1], decoded[:-1]
        return _surrogates.sub(_joined, decoded)

    def _lost_half(self) -> str:
        lost, self._high = _LOST if self._high else "", ""
        return lost


def _joined(found: re.Match[str]) -> str:
    pair = found[1]
    return pair.encode("utf-16", "surrogatepass").decode("utf-16") if pair else _LOST
