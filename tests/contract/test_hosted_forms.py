"""What a provider's own tools made: one answer, in whatever form and order it comes (U13, P2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import pytest

from app.domain.built_in.local_shell import LocalShellCall
from app.domain.hosted.item import HostedItem
from app.domain.items import FunctionCall, Message, OutputText
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.domain.stream.accumulate import Accumulator, fold
from app.domain.stream.call_events import HostedEvent
from app.domain.stream.deltas import Delta, HostedEnded, HostedNoted, HostedOpened, Text
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.stream.replay.remake import remade
from app.domain.stream.resume import resume
from app.domain.upstream_call import UpstreamCall
from app.errors import AnswerTooLong
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.wire.echo import echo
from app.schemas.wire.event_lines import decode, encode
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM
from app.stream_check.grammar import Grammar
from app.stream_check.item_grammar import Breach
from tests.contract.recordings import CannedTransport, settings
from tests.hosted_items import CODE, IMAGE, WEB_SEARCH

Json = dict[str, Any]
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
SAID = {"type": "message", "content": [{"type": "output_text", "text": "Done."}]}
BODY: Json = {"status": "completed", "output": [WEB_SEARCH, CODE, CALL, SAID]}
END: Json = {"type": "response.completed", "response": BODY}
BEGUN = Response("resp_1", "m", 1, echo(CreateRequest(model="m", input=())))


def event(kind: str, index: int | None, **fields: Any) -> Json:
    place = {} if index is None else {"output_index": index}
    return {"type": f"response.{kind}", **place, **fields}


def added(item: Json, index: int, **begun: Any) -> Json:
    return event("output_item.added", index, item=item | {"status": "in_progress"} | begun)


def done(item: Json, index: int) -> Json:
    return event("output_item.done", index, item=item)


SEARCH_BEGUN, SEARCHED = added(WEB_SEARCH, 0), done(WEB_SEARCH, 0)
SEARCHING = event("web_search_call.searching", None, item_id=WEB_SEARCH["id"])
CODE_BEGUN, CODED = added(CODE, 1, code="", outputs=None), done(CODE, 1)
CODING = event("code_interpreter_call_code.delta", 1, delta="print(")
CALL_BEGUN, CALLED = added(CALL, 2, arguments=""), done(CALL, 2)
PIECE = event("function_call_arguments.delta", 2, item_id="fc_1", delta="{")
MESSAGE = done(SAID, 3)
FORMS: dict[str, Sequence[Json]] = {
    "in order": [
        *(SEARCH_BEGUN, SEARCHING, SEARCHED, CODE_BEGUN, CODING, CODED),
        *(CALL_BEGUN, PIECE, CALLED, MESSAGE, END),
    ],
    "one inside the other": [
        *(SEARCH_BEGUN, CODE_BEGUN, CODING, CODED, SEARCHING, SEARCHED),
        *(CALL_BEGUN, PIECE, CALLED, MESSAGE, END),
    ],
    "in turns, a call open": [
        *(SEARCH_BEGUN, CODE_BEGUN, CALL_BEGUN, PIECE, SEARCHING, CODING, CALLED, CODED),
        *(SEARCHED, MESSAGE, END),
    ],
    "without their ends": [SEARCH_BEGUN, SEARCHING, CODE_BEGUN, CODING, CALL_BEGUN, PIECE, END],
    "items alone": [SEARCHED, CODED, CALLED, MESSAGE, END],
    "the end alone": [END],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_answer_gives_the_same_items(form: str) -> None:
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in FORMS[form])
    streamed = without_ids(fold(checked(events_of(frames, stream=True))))
    assert streamed == without_ids(fold(events_of(orjson.dumps(BODY), stream=False)))
    assert streamed == [
        HostedItem("", WEB_SEARCH | {"id": ""}),
        HostedItem("", CODE | {"id": ""}),
        FunctionCall("", "c1", "f", "{}"),
        Message("", "assistant", (OutputText("Done."),)),
    ]


def test_what_is_in_a_whole_answer_begins_without_what_comes_late() -> None:
    frames = b"data: " + orjson.dumps(END) + b"\n\n"
    shown = (EVENT.dump(each) for each in events_of(frames, stream=True))
    begun = [each["item"] for each in shown if each["type"] == "response.output_item.added"]
    assert begun[0]["status"] == "in_progress"
    assert {name: begun[1][name] for name in ("code", "outputs", "status")} == {
        "code": "",
        "outputs": None,
        "status": "in_progress",
    }


def test_an_event_of_the_answer_as_a_whole_passes() -> None:
    odd = {"type": "response.odd.news", "sequence_number": 3, "of": "the answer"}
    frames = b"".join(
        b"data: " + orjson.dumps(each) + b"\n\n" for each in (odd, SEARCH_BEGUN, odd, SEARCHED, END)
    )
    shown = [EVENT.dump(each) for each in checked(events_of(frames, stream=True))]
    kinds = [each["type"] for each in shown]
    assert kinds[2:5] == [odd["type"], "response.output_item.added", odd["type"]]
    assert shown[2] == odd | {"sequence_number": 2}


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "response.in_progress", "output_index": 0},
        {"type": "response.content_part.added", "output_index": 0},
        {"type": "response.queued"},
        {"type": "response.code_interpreter_call_code.delta", "delta": "a"},
        {"type": "response.a\nb", "output_index": 0},
        done({"type": "tool_search_call", "id": "tsc_1", "arguments": {}}, 5),
        done({"type": "tool_search_output", "execution": "client"}, 5),
        added({"type": "mcp_call", "id": "m"}, 5),
    ],
)
def test_nothing_odd_breaks_what_is_streamed_or_stored(odd: Json) -> None:
    said = [SEARCH_BEGUN, odd, SEARCHED, CODE_BEGUN, END]
    frames = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in said)
    events = checked(events_of(frames, stream=True))
    assert [EVENT.load(orjson.loads(encode(each))) for each in events] == events
    assert without_ids(fold(events))[0] == HostedItem("", WEB_SEARCH | {"id": ""})
    shown = [ITEM.dump(each) for each in fold(events).output]
    assert ITEM.dump_all(ITEM.load_all(shown)) == shown
    assert odd["type"] not in [each.type for each in events if isinstance(each, HostedEvent)]


@pytest.mark.parametrize("hosted", [(), ("mcp",)])
def test_only_a_provider_that_runs_tools_may_make_items_of_any_kind(
    hosted: tuple[str, ...],
) -> None:
    body = {"status": "completed", "output": [{"type": "dream", "id": "d_1"}, SAID]}
    response = fold(events_of(orjson.dumps(body), stream=False, hosted=hosted))
    assert len(response.output) == (2 if hosted else 1)


def test_items_are_bounded_as_texts_are() -> None:
    huge = IMAGE | {"result": "A" * (17 * 1024 * 1024)}
    body = {"status": "completed", "output": [huge]}
    with pytest.raises(AnswerTooLong):
        events_of(orjson.dumps(body), stream=False)


def test_a_local_shell_of_the_servers_is_called_as_it_is() -> None:
    action = {"type": "exec", "command": ["ls", "-l"], "env": {"A": "b"}}
    call = {"id": "lsh_1", "type": "local_shell_call", "call_id": "c1", "action": action}
    body = {"status": "completed", "output": [call | {"status": "completed"}]}
    (item,) = fold(events_of(orjson.dumps(body), stream=False, model="codex-mini-latest")).output
    assert isinstance(item, LocalShellCall)
    assert orjson.loads(item.arguments)["command"] == ["ls", "-l"]


def events_of(
    body: bytes,
    *,
    stream: bool,
    hosted: tuple[str, ...] = ("web_search", "code_interpreter"),
    model: str = "m",
) -> list[Event]:
    """Return the events that a server's answer becomes."""
    transport = CannedTransport(replace(settings("responses"), hosted_tools=hosted), [body])
    provider = HTTPProvider(transport, PROFILES["openai"], FORMATS["responses"])
    request = ModelRequest(
        model=model,
        items=(),
        parameters=Parameters(),
        stream=stream,
        known_tools=provider.known_tools(model),
    )
    narrator = narrating()
    events = narrator.begin()
    for batch in provider.answer(request, UpstreamCall(deadline=float("inf"))):
        events += narrator.hear(batch)
    return events + narrator.finish()


def narrating() -> Narrator:
    numbers = count()
    return Narrator(BEGUN, lambda prefix: f"{prefix}_{next(numbers)}", lambda: 2)


def checked(events: list[Event]) -> list[Event]:
    grammar = Grammar()
    for each in events:
        grammar.take(orjson.loads(encode(each)))
    return events


def without_ids(response: Response) -> list[Any]:
    return [
        item.under("") if isinstance(item, HostedItem) else replace(item, id="")
        for item in response.output
    ]


# An answer that does not come to its end

CODE_SO_FAR: list[Delta] = [
    HostedOpened("0", {**CODE, "code": "", "status": "in_progress"}, "ci_68f4"),
    HostedNoted("0", "response.code_interpreter_call_code.delta", {"delta": "print("}),
    HostedNoted("0", "response.code_interpreter_call_code.delta", {"delta": "6"}),
]


def test_an_item_that_is_cut_keeps_what_has_come_of_it() -> None:
    narrator = narrating()
    events = checked([*narrator.begin(), *narrator.hear(CODE_SO_FAR), *narrator.cancel()])
    (item,) = narrator.response.output
    assert isinstance(item, HostedItem)
    assert (item.json["code"], item.json["status"]) == ("print(6", "incomplete")
    assert fold(events).output == (item,)


def test_a_look_at_an_open_item_shows_what_has_come_of_it() -> None:
    narrator, accumulator = narrating(), Accumulator()
    for each in [*narrator.begin(), *narrator.hear(CODE_SO_FAR)]:
        accumulator.add(each)
    (item,) = accumulator.response.output
    assert isinstance(item, HostedItem)
    assert (item.json["code"], item.json["status"]) == ("print(6", "in_progress")


def test_a_process_that_goes_on_ends_it_in_the_same_way() -> None:
    narrator = narrating()
    events = [*narrator.begin(), *narrator.hear(CODE_SO_FAR)]
    stored = [decode(encode(each)) for each in events]
    other = resume(BEGUN, stored, None, lambda: 2)
    assert other.cancel() == narrator.cancel()


def test_a_stream_is_made_again_byte_for_byte() -> None:
    narrator, cuts = narrating(), StreamCuts(encode)
    late = HostedEnded("0", {**CODE})
    events = [*narrator.begin(), *narrator.hear([*CODE_SO_FAR, late, Text("Hi")])]
    events += narrator.cancel()
    cuts.add(events)
    again = remade(narrator.response, bytes(cuts), decode)
    assert [encode(each) for each in again] == [encode(each) for each in events]


# What the checker finds


@pytest.mark.parametrize(
    ("events", "breach"),
    [
        ([{"type": "response.mcp_call.completed"}], "does not belong to an item of the type"),
        (
            [
                {"type": "response.code_interpreter_call.completed"},
                {"type": "response.code_interpreter_call.interpreting"},
            ],
            "behind response.code_interpreter_call.completed",
        ),
        (
            [
                {"type": "response.code_interpreter_call_code.delta", "delta": "a"},
                {"type": "response.code_interpreter_call_code.done", "code": "b"},
            ],
            "the deltas do not spell the code",
        ),
        (
            [{"type": "response.code_interpreter_call_code.done", "code": "b"}],
            "the item's code differs from its events",
        ),
    ],
)
def test_a_stream_that_breaks_an_item_is_found(events: list[Json], breach: str) -> None:
    narrator = narrating()
    notes = [
        HostedNoted("0", each["type"], {k: v for k, v in each.items() if k != "type"})
        for each in events
    ]
    stream = [
        *narrator.begin(),
        *narrator.hear([CODE_SO_FAR[0], *notes, HostedEnded("0", {**CODE})]),
    ]
    with pytest.raises(Breach, match=breach):
        checked(stream)
