"""Calls of tools that a Responses server knows itself: one answer, in whatever form it comes (U13).

The events of an answer are whole in the first form; servers and relays leave out, and mix, the
rest of the forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import pytest

from app.domain.items import CustomCall, FunctionCall, Message, OutputText, arguments_for
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.call_events import DiffDelta
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.wire.echo import echo
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM
from app.stream_check.grammar import Grammar
from tests.contract.recordings import CannedTransport, settings

Json = dict[str, Any]
PATCH = '{"a": "*** Begin\n*** End"}'  # which looks like arguments, and is a text
PLACE = {"output_index": 0, "item_id": "ctc_1"}
OTHER = {"output_index": 1, "item_id": "fc_1"}
CUSTOM = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "c1", "name": "patch"}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c2", "name": "open"}
CALL |= {"namespace": "files"}
DONE, CALLED = CUSTOM | {"input": PATCH}, CALL | {"arguments": "{}"}
SAID = {"type": "message", "content": [{"type": "output_text", "text": "Done."}]}
BODY = {"status": "completed", "output": [DONE, CALLED, SAID]}


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", **fields}


def added(item: Json, place: Json, **empty: str) -> Json:
    return event("output_item.added", output_index=place["output_index"], item=item | empty)


def done(item: Json, place: Json) -> Json:
    return event("output_item.done", output_index=place["output_index"], item=item)


BEGUN, BEGUN_TOO = added(CUSTOM, PLACE, input=""), added(CALL, OTHER, arguments="")
FIRST = event("custom_tool_call_input.delta", **PLACE, delta=PATCH[:9])
SECOND = event("custom_tool_call_input.delta", **PLACE, delta=PATCH[9:])
INPUT = event("custom_tool_call_input.done", **PLACE, input=PATCH)
PIECE = event("function_call_arguments.delta", **OTHER, delta="{}")
ENDED, ENDED_TOO = done(DONE, PLACE), done(CALLED, OTHER)
END = event("completed", response=BODY)
FORMS: dict[str, Sequence[Json]] = {
    "in order": [BEGUN, FIRST, SECOND, INPUT, ENDED, BEGUN_TOO, PIECE, ENDED_TOO, END],
    "without deltas": [BEGUN, INPUT, ENDED, BEGUN_TOO, ENDED_TOO, END],
    "items alone": [ENDED, ENDED_TOO, END],
    "the end alone": [END],
    "one inside the other": [BEGUN, FIRST, BEGUN_TOO, PIECE, ENDED_TOO, SECOND, ENDED, END],
    "in turns": [BEGUN, BEGUN_TOO, FIRST, PIECE, SECOND, ENDED_TOO, INPUT, ENDED, END],
    "the other one first": [BEGUN_TOO, BEGUN, FIRST, PIECE, SECOND, ENDED, ENDED_TOO, END],
}


COMMANDS = ["ls 'a b'", 'echo "\u00fc"\n']
DIFF = '@@\n-old\n+"new"\\\n'
SHELL_PLACE, PATCH_PLACE = {"output_index": 0}, {"output_index": 1, "item_id": "apc_1"}
ACTION = {"commands": COMMANDS, "timeout_ms": 5000, "max_output_length": None}
SHELL = {"id": "sh_1", "type": "shell_call", "call_id": "c1", "action": ACTION}
OPERATION = {"type": "update_file", "path": "a.py", "diff": DIFF}
CHANGE = {"id": "apc_1", "type": "apply_patch_call", "call_id": "c2", "operation": OPERATION}
SHELL_BEGUN = added(SHELL | {"action": ACTION | {"commands": []}}, SHELL_PLACE)
CHANGE_BEGUN = added(CHANGE | {"operation": OPERATION | {"diff": ""}}, PATCH_PLACE)


def told_of(kind: str, place: Json, texts: Sequence[str], name: str, *, cut: int) -> list[Json]:
    """Return the events of commands, or of a diff: with the first `cut` characters as deltas."""
    events: list[Json] = []
    for index, text in enumerate(texts):
        at = place | ({"command_index": index} if name == "command" else {})
        if name == "command":
            events.append(event(f"{kind}.added", **at, command=""))
        events += [event(f"{kind}.delta", **at, delta=each) for each in text[:cut]]
        events.append(event(f"{kind}.done", **at, **{name: text}))
    return events


def built_in(cut: int) -> list[Json]:
    """Return the events of both calls."""
    commands = told_of("shell_call_command", SHELL_PLACE, COMMANDS, "command", cut=cut)
    diff = told_of("apply_patch_call_operation_diff", PATCH_PLACE, [DIFF], "diff", cut=cut)
    ended, ended_too = done(SHELL, SHELL_PLACE), done(CHANGE, PATCH_PLACE)
    return [SHELL_BEGUN, *commands, ended, CHANGE_BEGUN, *diff, ended_too]


BUILT_IN: Json = {"status": "completed", "output": [SHELL, CHANGE]}
BUILT_IN_FORMS: dict[str, Sequence[Json]] = {
    "in order": built_in(cut=99),
    "in part": built_in(cut=3),
    "without deltas": built_in(cut=0),
    "cut off": [SHELL_BEGUN, *built_in(cut=99)[1:5], done(SHELL, SHELL_PLACE), CHANGE_BEGUN],
    "items alone": [done(SHELL, SHELL_PLACE), done(CHANGE, PATCH_PLACE)],
    "the end alone": [],
}


@pytest.mark.parametrize("form", BUILT_IN_FORMS)
def test_every_form_of_an_answer_gives_the_same_calls_of_built_in_tools(form: str) -> None:
    events = [*BUILT_IN_FORMS[form], event("completed", response=BUILT_IN)]
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in events)
    streamed = without_ids(answer_to(frames, stream=True))
    assert [ITEM.dump(replace(item, id="x")) for item in streamed] == [
        SHELL | {"id": "x", "status": "completed", "environment": {"type": "local"}},
        CHANGE | {"id": "x", "status": "completed"},
    ]
    assert streamed == without_ids(answer_to(orjson.dumps(BUILT_IN), stream=False))


def test_a_search_that_the_server_runs_is_no_call_for_the_caller() -> None:
    search: Json = {
        "id": "tsc_1",
        "type": "tool_search_call",
        "call_id": None,
        "execution": "server",
    }
    search |= {"arguments": {"paths": ["crm"]}, "status": "completed"}
    found: Json = {"id": "tso_1", "type": "tool_search_output", "execution": "server", "tools": []}
    body: Json = {"status": "completed", "output": [search, found, SAID]}
    items = [each for at, item in enumerate((search, found)) for each in both(item, at)]
    events = [*items, event("completed", response=body)]
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in events)
    said = [Message("", "assistant", (OutputText("Done."),))]
    assert without_ids(answer_to(frames, stream=True)) == said
    assert without_ids(answer_to(orjson.dumps(body), stream=False)) == said


def both(item: Json, index: int) -> list[Json]:
    """Return the events that an item begins and ends with."""
    return [added(item, {"output_index": index}), done(item, {"output_index": index})]


def test_the_pieces_of_a_diff_come_one_by_one() -> None:
    events = [*built_in(cut=99), event("completed", response=BUILT_IN)]
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in events)
    pieces = [each.delta for each in events_of(frames, stream=True) if isinstance(each, DiffDelta)]
    assert pieces == list(DIFF)


def answer_to(body: bytes, *, stream: bool) -> Response:
    """Return what comes of a server's answer; its events keep to the order of the API."""
    events = events_of(body, stream=stream)
    grammar = Grammar()
    for each in events:
        grammar.take(EVENT.dump(each))
    return fold(events)


def events_of(body: bytes, *, stream: bool) -> list[Event]:
    """Return the events that a server's answer becomes."""
    transport = CannedTransport(settings("responses"), [body])
    provider = HTTPProvider(transport, PROFILES["openai"], FORMATS["responses"])
    request = ModelRequest(
        model="m",
        items=(),
        parameters=Parameters(),
        stream=stream,
        known_tools=provider.known_tools("m"),
    )
    numbers = count()
    begun = Response("resp_1", "m", 1, echo(CreateRequest(model="m", input=())))
    narrator = Narrator(begun, lambda prefix: f"{prefix}_{next(numbers)}", lambda: 2)
    events = narrator.begin()
    for batch in provider.answer(request, UpstreamCall(deadline=float("inf"))):
        events += narrator.hear(batch)
    return events + narrator.finish()


def without_ids(response: Response) -> list[Any]:
    return [replace(item, id="") for item in response.output]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_answer_gives_the_same_calls(form: str) -> None:
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in FORMS[form])
    streamed = without_ids(answer_to(frames, stream=True))
    assert without_ids(answer_to(orjson.dumps(BODY), stream=False)) == [
        CustomCall("", "c1", "patch", arguments_for(PATCH)),
        FunctionCall("", "c2", "open", "{}", namespace="files"),
        Message("", "assistant", (OutputText("Done."),)),
    ]
    said = [item for item in streamed if isinstance(item, Message)]
    calls = sorted((item for item in streamed if item not in said), key=lambda item: item.call_id)
    assert [*calls, *said] == without_ids(answer_to(orjson.dumps(BODY), stream=False))


def test_a_call_that_was_cut_is_incomplete_and_keeps_what_came() -> None:
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    item = DONE | {"input": PATCH[:9], "status": "incomplete"}
    events = [BEGUN, FIRST, done(item, PLACE), event("incomplete", response=cut)]
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in events)
    body = orjson.dumps(cut | {"output": [item]})
    (streamed,) = without_ids(answer_to(frames, stream=True))
    assert [streamed] == without_ids(answer_to(body, stream=False))
    assert (streamed.input, streamed.status) == (PATCH[:9], "incomplete")
