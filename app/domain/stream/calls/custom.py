"""Builds calls of custom tools: takes their input out of the JSON in which models write it (G1).

    {"input": "*** Begin\nPatch"}   becomes   *** Begin
                                              Patch

Arguments that are no such object are the input as they are. If that shows after some input was
written, the rest of the JSON follows unchanged: nothing is lost or taken back.
"""

from __future__ import annotations

from app.domain.arguments.strings import StringDecoder
from app.domain.items import CustomCall, ItemStatus, OutputItem, arguments_for
from app.domain.stream.event_log import EventLog
from app.domain.stream.events import InputDelta, InputDone, ItemAdded, ItemDone
from app.domain.stream.item_builders import FunctionCallBuilder

_WHITESPACE = " \t\n\r"
#: JSON tokens before and after the text, apart from whitespace.
_HEAD = ("{", '"input"', ":", '"')
_TAIL = ("}",)


class _Expected:
    """Expected JSON tokens, with whitespace before each of them and after the last."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.pieces: list[str] = []  # everything read
        self._tokens = tokens
        self._token = self._place = 0

    @property
    def is_met(self) -> bool:
        return self._token == len(self._tokens)

    def read(self, text: str) -> tuple[int, bool]:
        """Return how many characters are as expected, and whether an unexpected one follows."""
        for index, character in enumerate(text):
            if self.is_met:
                self.pieces.append(text[:index])
                return index, False
            token = self._tokens[self._token]
            if character == token[self._place]:
                self._place += 1
                if self._place == len(token):
                    self._token, self._place = self._token + 1, 0
            elif self._place or character not in _WHITESPACE:
                self.pieces.append(text[:index])
                return index, True
        self.pieces.append(text)
        return len(text), False


class InputDecoder:
    """Extracts a custom tool's input from its call's arguments, wherever these are split."""

    def __init__(self) -> None:
        self._head, self._tail = _Expected(_HEAD), _Expected(_TAIL)
        self._is_raw = self._is_in_tail = False
        self._string = StringDecoder()

    def read(self, fragment: str) -> str:
        """Return the part of the input that the next fragment adds."""
        if self._is_raw:
            return fragment
        if not self._head.is_met:
            length, is_other = self._head.read(fragment)
            if is_other:
                return self._rest("".join(self._head.pieces) + fragment[length:])
            fragment = fragment[length:]
            if not fragment:
                return ""
        if self._is_in_tail:
            return self._read_tail(fragment)
        return self._read_text(fragment)

    def end(self) -> str:
        """Return the rest of the input when the arguments end here."""
        if self._is_raw or self._is_in_tail:
            return ""
        return self._rest(self._string.end() if self._head.is_met else "".join(self._head.pieces))

    def _read_text(self, text: str) -> str:
        found, rest = self._string.read(text)
        if not rest:
            return found
        if rest[0] == '"':
            self._is_in_tail = True
            return found + self._read_tail(rest)
        return found + self._rest(rest)

    def _read_tail(self, text: str) -> str:
        pieces = self._tail.pieces
        if not pieces:  # the quote is not a token of the tail
            pieces.append(text[0])
            text = text[1:]
        length, is_other = (0, False) if self._tail.is_met else self._tail.read(text)
        behind = text[length:]
        if is_other or behind.strip(_WHITESPACE):
            return self._rest("".join(pieces) + behind)
        if behind:
            pieces.append(behind)
        return ""

    def _rest(self, text: str) -> str:
        """Return the rest unchanged; what follows is also passed unchanged."""
        self._is_raw = True
        return text


class CustomCallBuilder(FunctionCallBuilder):
    """Builds a call of a custom tool. Without a decoder, its fragments are the input itself."""

    def __init__(
        self,
        log: EventLog,
        item_id: str,
        key: str,
        call_id: str,
        name: str,
        namespace: str | None,
        decoder: InputDecoder | None,
        program_id: str | None = None,
    ) -> None:
        super().__init__(log, item_id, key, call_id, name, namespace, program_id)
        self._decoder = decoder
        self._pieces: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are complete, which a plain input does not show."""
        return self._decoder is not None and super().is_whole

    def begin(self, output_index: int) -> None:
        """Write that the call has begun."""
        self._index = output_index
        self._log.write(ItemAdded, output_index, self._call("", "in_progress"))

    def add_arguments(self, fragment: str) -> None:
        """Write the part of the input that a fragment of the arguments adds."""
        if fragment:
            self._fragments.append(fragment)
            self._add(self._decoder.read(fragment) if self._decoder else fragment)

    def end(self, status: ItemStatus) -> OutputItem:
        """Close the call and return it."""
        if self._decoder:
            self._add(self._decoder.end())
        text, log = "".join(self._pieces), self._log
        log.write(InputDone, self._id, self._index, text)
        item = self._call(text, status)
        log.write(ItemDone, self._index, item)
        return item

    def _add(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            self._log.write(InputDelta, self._id, self._index, piece)

    def _call(self, text: str, status: ItemStatus) -> CustomCall:
        return CustomCall(
            self._id,
            self._call_id,
            self._name,
            arguments_for(text),
            status,
            self._namespace,
            self._program_id,
        )
