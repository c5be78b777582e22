"""Fields that are returned to a Chat Completions server unchanged. Pure.

They are those not known here (U15), and reasoning whose text the caller keeps for the gateway
(S10), stored as the opaque payload of a reasoning item, which is sealed on its way. The payload of
an answer with reasoning and a signed function call:

    {"chat": 1, "model": "gemini-3-pro", "field": "reasoning_content", "text": "I should look.",
     "fields": {"reasoning_details": [...]}, "in_tags": true,
     "calls": [[0, "call_1", "get_weather", {"extra_content": {"google": {...}}}]]}

A call is identified by its position among the answer's calls, its id if the server gave one, and
its name. Fields that come later get another payload, so a turn may have several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import orjson

from app.domain.items import FunctionCall
from app.domain.stream.deltas import Delta, Opaque
from app.providers.reading.fields import Note, ignore
from app.providers.reading.json_text import dumps, loads

Json = dict[str, Any]

#: Maximum size of what is kept of one answer, in bytes of JSON.
MOST_BYTES = 262_144
#: The text field of OpenRouter's reasoning_details, by their type; consecutive pieces with the
#: same type and index are joined.
_PIECES = {"reasoning.text": "text", "reasoning.summary": "summary"}
_ENCRYPTED = "reasoning.encrypted"
_VERSION = 1


class KeptFields:
    """Collects the parts of one answer that are returned to the server.

    `fields` says whether unknown fields are kept, `text` whether the reasoning's text is. If they
    exceed MOST_BYTES, `note` is called and nothing more is kept. `in_tags` says that the reasoning
    was in the text, between tags, and is returned there.
    """

    in_tags = False
    signs = False  # whether the signature of a thinking part is kept
    _signature = ""

    def __init__(
        self, model: str, note: Note = ignore, *, fields: bool = True, text: bool = False
    ) -> None:
        self.is_thinking = False
        self._model = model
        self._note = note
        self._keeps_fields = fields
        self._keeps_text = text
        self._left = MOST_BYTES
        self._field = ""
        self._thoughts: list[str] = []
        self._fields: Json = {}
        self._calls: dict[int, Json] = {}

    @property
    def places(self) -> Iterable[int]:
        """The positions of the calls for which fields are kept."""
        return self._calls.keys()

    def think(self, field: str, text: str) -> None:
        """Add a piece of reasoning, which came in that field of the message."""
        self.is_thinking = True
        if self._keeps_text and self._has_room(len(text.encode("utf-8", "surrogatepass"))):
            self._field = field
            self._thoughts.append(text)

    def sign(self, signature: object) -> None:
        """Add the signature of the reasoning so far."""
        if self.signs and isinstance(signature, str) and self._has_room_for(signature):
            self.is_thinking, self._signature = True, signature

    def keep(self, name: str, value: object) -> None:
        """Add a field of the message."""
        if self._keeps_fields and self._has_room_for(value):
            self._fields = merged(self._fields, {name: value})

    def keep_of_call(self, place: int, fields: Json) -> None:
        """Add fields of the call at that position in the answer."""
        if self._keeps_fields and self._has_room_for(fields):
            self._calls[place] = merged(self._calls.get(place, {}), fields)

    def end_thought(self, deltas: list[Delta], calls: Iterable[tuple[int, str, str]] = ()) -> None:
        """Append a payload with what was kept so far, when the model stops thinking.

        `calls` are positions, ids ("" for none) and names of the calls that begin here.
        """
        self.is_thinking = False
        in_tags = self.in_tags and self._keeps_fields
        if not (self._thoughts or self._fields or self._calls or in_tags or self._signature):
            return
        payload: Json = {"in_tags": True} if in_tags else {}
        if self._signature:
            payload["signature"], self._signature = self._signature, ""
        if self._thoughts:
            payload |= {"field": self._field, "text": "".join(self._thoughts)}
        if self._fields:
            payload["fields"] = self._fields
        signed = [[*call, self._calls.pop(call[0])] for call in calls if call[0] in self._calls]
        if signed:
            payload["calls"] = signed
        self._thoughts, self._fields, self.in_tags = [], {}, False
        if payload:
            deltas.append(Opaque(dumps({"chat": _VERSION, "model": self._model} | payload)))

    def _has_room_for(self, value: object) -> bool:
        try:
            return self._has_room(len(orjson.dumps(value)))
        except TypeError:  # half a surrogate pair, or nested too deeply
            return self._has_room(MOST_BYTES + 1)

    def _has_room(self, size: int) -> bool:
        if self._left >= size:
            self._left -= size
            return True
        if self._left >= 0:
            self._note("kept_fields")
        self._left = -1
        self._thoughts, self._fields, self._calls = [], {}, {}
        return False


def merged(old: Any, new: Any) -> Any:
    """Return a value merged with a later piece of the stream; the later value wins."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {
            name: merged(old[name], value) if name in old else value for name, value in new.items()
        }
    if isinstance(old, list) and isinstance(new, list):
        joined = list(old)
        for each in new:
            _join(joined, each)
        return joined
    return new


def _join(pieces: list[Any], piece: Any) -> None:
    """Append a piece, or join its text to the previous one's if type and index are the same."""
    last = pieces[-1] if pieces else None
    if isinstance(last, dict) and isinstance(piece, dict):
        kind, where = piece.get("type"), piece.get("index")
        name = _PIECES.get(kind) if isinstance(kind, str) else None
        if name and (last.get("type"), last.get("index")) == (kind, where):
            text = (last.get(name) or "") + (piece.get(name) or "")
            given = {each: value for each, value in piece.items() if value is not None}
            pieces[-1] = last | given | {name: text}
            return
        if kind == _ENCRYPTED and piece in pieces:
            return  # it is repeated with each call
    pieces.append(piece)


def read_payload(payload: str | None, model: str) -> Json | None:
    """Return a payload that came back, None if it is not of this format or not of this model."""
    if payload is None:
        return None
    try:
        read = loads(payload.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    is_ours = isinstance(read, dict) and read.get("chat") == _VERSION
    return read if is_ours and read.get("model") == model else None


def returned(
    payloads: Sequence[Json], calls: Sequence[FunctionCall]
) -> tuple[Json, Mapping[int, Json]]:
    """Return the fields for a turn's message, and those for its calls by position in `calls`."""
    fields: Json = {}
    of_calls: dict[int, Json] = {}
    own_ids = {own_id for each in payloads for _, own_id, *_ in each.get("calls") or ()}
    for payload in payloads:
        fields = merged(fields, payload.get("fields") or {})
        for place, own_id, name, given in payload.get("calls") or ():
            at = _place(calls, place, own_id, name, own_ids)
            if at is not None:
                of_calls[at] = merged(of_calls.get(at, {}), given)
    return fields, of_calls


def _place(
    calls: Sequence[FunctionCall], place: int, own_id: str, name: str, own_ids: Set[str]
) -> int | None:
    """Return the call's position: by its id, else where it was, unless another call is there now.

    Its id may have been replaced, as ids that come twice are.
    """
    for at, call in enumerate(calls):
        if own_id and call.call_id == own_id:
            return at
    if place < len(calls) and calls[place].call_id not in own_ids:
        return place if calls[place].qualified_name == name else None
    return None
