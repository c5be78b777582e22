"""Assemble function calls from their fragments, whichever server sends them. Pure.

    {"index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": ""}}
    {"index": 0, "function": {"arguments": "{\\"city\\": \\"Oslo\\"}"}}

become CallOpened("0", "call_1", "get_weather") and Arguments("0", ...). All lookups are by key, so
the time for an answer of n fragments is linear in n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

from app.domain.ids import call_id
from app.domain.request import NO_PARAMETERS, Parameters
from app.domain.stream.deltas import Arguments, CallOpened, Delta
from app.errors import UpstreamMisbehaved
from app.providers.openai_chat.arguments import ArgumentsText, is_whole
from app.providers.reading.budget import BOUNDS
from app.providers.reading.counts import whole_number
from app.providers.reading.fields import arguments_text, elements, id_text
from app.providers.reading.json_text import loads

Json = Mapping[str, Any]

#: Fields of a call, and of its function, that are read here.
_READ = frozenset({"index", "id", "type", "function"})
#: Fields for the arguments: templates of open models use names of their own.
_ARGUMENTS = ("arguments", "parameters", "input")
#: Names that stand for null, from servers that convert everything to text.
_NO_NAMES = frozenset({"null", "None"})
_READ_OF_FUNCTION = frozenset({"name", *_ARGUMENTS})


class _Call:
    """A call; `place` is its position in the answer. It is opened once its name is complete."""

    __slots__ = ("arguments", "id", "key", "name", "opened", "place", "waiting", "whole")

    def __init__(self, place: int) -> None:
        self.place = place
        self.key = str(place)
        self.id = ""
        self.name = ""
        self.arguments = ArgumentsText()
        self.waiting: list[str] = []  # pieces of arguments from before the call opened
        self.opened = False
        self.whole = ""  # its arguments, if they came complete, together with its name

    @property
    def has_arguments(self) -> bool:
        return self.opened or self.arguments.has_begun


class Calls:
    """The function calls of one answer.

    Servers mark which call a fragment belongs to by `index`, by `id`, or not at all: whole calls
    then follow one another. Some repeat id and name in each fragment, some give every call the
    index 0, some make up an id for each fragment, some give no id at all, some send a whole call
    twice. A name may come in pieces, which OpenAI's own accumulators join, so a call opens with its
    arguments; some servers send {} before those; some send "null" as the name of a continuation. A
    call that never gets a name is taken for the only function that can be called, if there is just
    one. `keep` is called with the position of a call in the answer, and the fields of a fragment
    that are not read here (U15); `parameters` are those of the request.
    """

    def __init__(
        self,
        keep: Callable[[int, dict[str, Any]], None] = lambda *_: None,
        parameters: Parameters = NO_PARAMETERS,
    ) -> None:
        self._keep = keep
        self._parameters = parameters
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}  # the first call with each id
        self._ids: dict[str, int] = {}  # the number of calls with each id
        self._named: list[tuple[int, _Call]] = []  # a heap of the calls with a name, by position

    @property
    def is_empty(self) -> bool:
        """Whether there have been no calls."""
        return not self._calls

    @property
    def is_cut(self) -> bool:
        """Whether the last call is incomplete."""
        return bool(self._calls) and self._calls[-1].arguments.is_cut

    @property
    def has_blank(self) -> bool:
        """Whether a call has neither a name nor arguments: it calls nothing."""
        return any(map(_is_blank, self._calls))

    def add(self, fragment: Json) -> list[Delta]:
        """Add a fragment; return the deltas that it allows."""
        # What the fragment has: an id, a piece of a name, a piece of the arguments.
        function = _function(fragment)
        own_id, name = id_text(fragment.get("id")), id_text(function.get("name"))
        if name in _NO_NAMES and self._has_begun(fragment.get("index")):
            name = ""
        given = next((function[at] for at in _ARGUMENTS if function.get(at) is not None), None)
        says_nothing = not (own_id or name) and given is None
        if says_nothing and not self._has_begun(fragment.get("index")):
            return []
        is_flat = function is not fragment.get("function") and (name or given is not None)
        arguments = "{}" if given == {} else arguments_text(given)
        # Which call it belongs to, perhaps a new one, and which fields have to be returned.
        whole = arguments if name and is_whole(arguments) else ""
        call = self._call(fragment.get("index"), own_id, name, whole)
        within = {} if function is fragment else function
        if not is_flat and not (fragment.keys() <= _READ and within.keys() <= _READ_OF_FUNCTION):
            self._keep_unknown(call, fragment, within)
        deltas: list[Delta] = []
        if not call.opened:
            deltas += self._settle_before(call)
            self._note(call, own_id, name)
        # A call opens with its first arguments: until then its name may grow.
        if not arguments or (whole and call.whole):  # a repetition of the whole call
            return deltas
        call.whole = "" if call.has_arguments else whole
        if not (new := call.arguments.add(arguments)):
            return deltas
        if call.opened:
            return [*deltas, Arguments(call.key, new)]
        call.waiting.append(new)
        return [*deltas, *self._open(call)] if call.name else deltas

    def opened(self, places: Iterable[int]) -> list[tuple[int, str, str]]:
        """Return position, id ("" if not its own) and name of those calls that have opened."""
        calls = [self._calls[place] for place in places]
        return [
            (call.place, "" if self._ids.get(call.id, 0) > 1 else call_id(call.id), call.name)
            for call in calls
            if call.opened
        ]

    def _keep_unknown(self, call: _Call, fragment: Json, function: Json) -> None:
        fields = {name: value for name, value in fragment.items() if value and name not in _READ}
        inner = {
            name: value
            for name, value in function.items()
            if value and name not in _READ_OF_FUNCTION
        }
        if fields or inner:
            self._keep(call.place, fields | ({"function": inner} if inner else {}))

    def end(self) -> list[Delta]:
        """Return the deltas of calls that were still waiting, except those that call nothing.

        Raises:
            UpstreamMisbehaved: a call has no name, and there is not just one function.
        """
        deltas: list[Delta] = []
        for call in self._calls:
            if _is_blank(call):
                continue
            if not call.opened:
                deltas += self._open(call)
            if call.arguments.is_empty:
                deltas.append(Arguments(call.key, "{}"))
        return deltas

    def _has_begun(self, index: object) -> bool:
        """Tell whether a fragment with this index, or none, may continue a call."""
        index = whole_number(index)
        return bool(self._calls) if index is None else index in self._by_index

    def _call(self, index: object, call_id: str, name: str, whole: str) -> _Call:
        index = whole_number(index)
        if index is not None:
            call = self._by_index.get(index)
        else:
            call = self._by_id.get(call_id) if call_id else self._latest(name)
        if call is None or _is_another(call, call_id, name, whole):
            call = _Call(len(self._calls))
            self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _latest(self, name: str) -> _Call | None:
        if not self._calls or (name and self._calls[-1].name):
            return None
        return self._calls[-1]

    def _note(self, call: _Call, call_id: str, name: str) -> None:
        if call_id and not call.id:
            call.id = call_id
            self._by_id.setdefault(call_id, call)
            self._ids[call_id] = self._ids.get(call_id, 0) + 1
        if name and not call.name:
            call.name = name
            heappush(self._named, (call.place, call))
        elif name.startswith(call.name):
            call.name = name or call.name  # the name is repeated, or repeated and continued
        else:
            call.name += name

    def _settle_before(self, call: _Call) -> list[Delta]:
        """Open earlier calls that have a name and still wait, as a later call begins."""
        deltas: list[Delta] = []
        while self._named and self._named[0][0] < call.place:
            _, earlier = heappop(self._named)
            if not earlier.opened:
                deltas += self._open(earlier)
        return deltas

    def _open(self, call: _Call) -> list[Delta]:
        name = call.name or self._parameters.only_function
        if not name:
            raise UpstreamMisbehaved("the upstream sent a function call without a name")
        call.opened = True
        opened = CallOpened(call.key, call.id or None, name)
        arguments, call.waiting = "".join(call.waiting), []
        return [opened, Arguments(call.key, arguments)] if arguments else [opened]


def _is_blank(call: _Call) -> bool:
    return not (call.name or call.waiting)


def _function(fragment: Json) -> Json:
    """Return the object with the function's name and arguments, which may be the fragment."""
    function = fragment.get("function")
    if isinstance(function, dict):
        return function
    return {**fragment, "name": function} if isinstance(function, str) else fragment


def _is_another(call: _Call, call_id: str, name: str, whole: str) -> bool:
    """Tell whether a fragment that seems to belong to `call` begins another call.

    A new id alone does not mean that: some servers make up an id for each fragment. Different
    arguments do if both are `whole` (Gemini's calls all had index 0, and no id or "").
    """
    if not name or not call.name:
        return False
    has_others = bool(whole and call.whole) and loads(whole) != loads(call.whole)
    if call_id and call.id:
        return call_id != call.id or has_others
    return call.has_arguments if name != call.name else has_others


def numbered(message: dict[str, Any]) -> dict[str, Any]:
    """Number the calls of a whole message, so that none is taken for a fragment of another."""
    calls = [
        {**call, "index": i} if isinstance(call, dict) else call
        for i, call in enumerate(elements(listed_calls(message["tool_calls"]), BOUNDS.items))
    ]
    return {**message, "tool_calls": calls}


def listed_calls(calls: object) -> object:
    """Return calls as a list if they are an object keyed by index: `{"0": {…}}`."""
    if isinstance(calls, dict) and calls and all(map(str.isdigit, calls)):
        return list(calls.values())
    return calls
