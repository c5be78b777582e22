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
from app.domain.stream.narrate import Narrator
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.wire.echo import echo
from app.schemas.wire.events import EVENT
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


def answer_to(body: bytes, *, stream: bool) -> Response:
    """Return what comes of a server's answer; its events keep to the order of the API."""
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
    events += narrator.finish()
    grammar = Grammar()
    for each in events:
        grammar.take(EVENT.dump(each))
    return fold(events)


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
