"""What the gateway writes is what it declares, and what clients were made for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import openresponses_types as open_responses
import orjson
import pytest
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from app.domain.accounts.attribution import DEFAULT_GROUPS
from app.domain.accounts.usage import UsageLine, UsageReport, UsageRow
from app.domain.built_in.apply_patch import ApplyPatchCallOutput
from app.domain.built_in.local_shell import LocalShellCallOutput
from app.domain.built_in.shell import ShellCallOutput
from app.domain.items import (
    AdditionalTools,
    CustomCallOutput,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    Reasoning,
)
from app.domain.stream.events import Event
from app.domain.tools import FunctionTool
from app.errors import InvalidRequest, UpstreamTimeout
from app.schemas.wire.answers import ERROR_ENVELOPE
from app.schemas.wire.built_in.hosted_events import HOSTED_EVENTS
from app.schemas.wire.event_lines import encode
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.usage import USAGE_REPORT
from tests.schemas.examples import (
    CALL,
    COMPACTION,
    COMPLETED,
    CUSTOM_CALL,
    DELETION,
    EVENTS,
    LOCAL_SHELL_CALL,
    MESSAGE,
    PATCH_CALL,
    RESPONSES,
    SHELL_CALL,
    THOUGHT,
)

OPENAI_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
responses = pytest.mark.parametrize("name", RESPONSES)
events = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
#: That text knows no custom tools, no searches among tools, and no compactions in streams.
IN_OPEN_RESPONSES = [
    event
    for event in EVENTS
    if not re.search("custom_tool|tool_search|compact", encode(event).decode())
    if not re.search("custom_tool|tool_search|shell_call|apply_patch", encode(event).decode())
]
#: OpenAI sends more events than its package knows.
IN_OPENAI = [event for event in EVENTS if "apply_patch_call_operation" not in event.type]


def shown(name: str) -> dict[str, Any]:
    """Return a response as its JSON says it."""
    written: dict[str, Any] = orjson.loads(orjson.dumps(RESPONSE.dump(RESPONSES[name])))
    return written


def in_open_responses(kind: str) -> type[BaseModel]:
    """Return Open Responses' model of an event, found by the event's type."""
    models = [each for each in vars(open_responses).values() if isinstance(each, type)]
    for model in models:
        if issubclass(model, BaseModel) and model.__name__.endswith("StreamingEvent"):
            declared = model.model_fields["type"].annotation
            if kind in [each.value for each in declared]:  # type: ignore[union-attr] # an enum
                return model
    raise LookupError(kind)


@responses
def test_a_response_is_what_it_is_declared_to_be(name: str) -> None:
    assert RESPONSE.validate(shown(name)) == {}


@responses
def test_the_openai_sdk_takes_a_response(name: str) -> None:
    OpenAIResponse.model_validate_json(orjson.dumps(shown(name)), strict=True)


@responses
def test_open_responses_takes_a_response(name: str) -> None:
    written = shown(name)
    if written["text"]["format"]["type"] == "json_schema":
        written["text"]["format"]["schema"] = None  # these types allow no schema there
    open_responses.ResponseResource.model_validate_json(orjson.dumps(written), strict=True)


@events
def test_an_event_is_what_it_is_declared_to_be(event: Event) -> None:
    assert EVENT.validate(orjson.loads(encode(event))) == {}


@pytest.mark.parametrize("event", IN_OPENAI, ids=lambda event: event.type)
def test_the_openai_sdk_takes_an_event(event: Event) -> None:
    written = OPENAI_EVENT.validate_json(encode(event), strict=True)
    assert written.type == event.type


@pytest.mark.parametrize("event", IN_OPEN_RESPONSES, ids=lambda event: event.type)
def test_open_responses_takes_an_event(event: Event) -> None:
    in_open_responses(event.type).model_validate_json(encode(event), strict=True)


def test_every_declared_event_is_among_those_tried() -> None:
    # tests/contract tries the others: test_hosted_forms and test_reasoning_text.
    elsewhere = {each for kinds in HOSTED_EVENTS.values() for each in kinds}
    elsewhere |= {"response.reasoning_text.delta", "response.reasoning_text.done"}
    assert {event.type for event in EVENTS} | elsewhere == set(EVENT.documents)


SHELL_OUTPUT = (
    '[{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},'
    ' {"stdout": "", "stderr": "b", "outcome": {"type": "timeout"}}]'
)
ITEMS: list[Item] = [
    MESSAGE,
    CALL,
    CUSTOM_CALL,
    CustomCallOutput("ctco_1", "call_2", "4"),
    AdditionalTools("at_1", (FunctionTool("look_up", None, {}, defer_loading=True),)),
    CustomCallOutput("ctco_1", "call_2", (InputText("4"),)),
    SHELL_CALL,
    replace(SHELL_CALL, environment=None),
    ShellCallOutput("sho_1", "call_4", SHELL_OUTPUT, max_output_length=9),
    LOCAL_SHELL_CALL,
    LocalShellCallOutput("lsho_1", "call_5", "4"),
    PATCH_CALL,
    DELETION,
    ApplyPatchCallOutput("apco_1", "call_6", "", "failed"),
    THOUGHT,
    Reasoning("rs_1", (), ("raw",)),
    Message("msg_1", "user", (InputText("Hi"), InputImage("https://a.example/b.png"))),
    Message("msg_1", "user", (InputImage(file_id="f"), InputFile("AAAA", filename="a.pdf"))),
    Message("msg_1", "developer", (InputFile(file_url="https://a.example/", detail="low"),)),
    FunctionCallOutput("fco_1", "call_1", "4"),
    COMPACTION,
    FunctionCallOutput("fco_1", "call_1", (InputText("4"),)),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.type)
def test_a_listed_item_is_what_it_is_declared_to_be(item: Item) -> None:
    assert ITEM.validate(ITEM.dump(item)) == {}


@pytest.mark.parametrize(
    ("output", "path"),
    [(5, "output"), (None, "output"), ([{"type": "output_text"}], "output[0].type")],
)
def test_a_listed_output_is_a_string_or_parts(output: object, path: str) -> None:
    written = ITEM.dump(FunctionCallOutput("fco_1", "call_1", "")) | {"output": output}
    assert list(ITEM.validate(written)) == [path]


@pytest.mark.parametrize(
    "error",
    [InvalidRequest("It is wrong.", param="input", code="invalid_type"), UpstreamTimeout("Late.")],
)
def test_an_error_always_has_its_four_keys(error: InvalidRequest | UpstreamTimeout) -> None:
    written = ERROR_ENVELOPE.dump(error)
    assert ERROR_ENVELOPE.validate(written) == {}
    assert list(written["error"]) == ["message", "type", "param", "code"]


def test_a_usage_report_is_what_it_is_declared_to_be() -> None:
    day = date(2030, 1, 31)
    line = UsageLine(account="a", key_id="key_1", model="m", day=day, requests=2, errors=1)
    report = USAGE_REPORT.dump(UsageReport(day, day, [UsageRow(DEFAULT_GROUPS, line)], line))
    assert USAGE_REPORT.validate(report) == {}


NULLABLE = {
    "completed_at",
    "error",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "usage",
    "user",
}
KEYS = sorted(RESPONSE.dump(COMPLETED))


@pytest.mark.parametrize("key", KEYS)
def test_a_response_without_one_of_its_keys_is_none(key: str) -> None:
    written = dict(RESPONSE.dump(COMPLETED))
    del written[key]
    assert "is required" in RESPONSE.validate(written)[key][0]


@pytest.mark.parametrize("key", sorted(set(KEYS) - NULLABLE))
def test_a_key_that_is_never_null_is_declared_so(key: str) -> None:
    assert key in RESPONSE.validate(RESPONSE.dump(COMPLETED) | {key: None})


@pytest.mark.parametrize("key", sorted(NULLABLE))
def test_a_key_that_may_be_null_is_declared_so(key: str) -> None:
    assert RESPONSE.validate(RESPONSE.dump(COMPLETED) | {key: None}) == {}


def inside(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every object inside a JSON value, itself included."""
    if isinstance(value, dict):
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        if isinstance(each, dict | list):
            yield from inside(each, (*path, key))


FREE = {"annotations", "logprobs", "metadata", "parameters", "schema", "annotation", "arguments"}


@events
def test_no_object_of_an_event_may_hold_a_key_that_is_not_declared(event: Event) -> None:
    written = orjson.loads(encode(event))
    for path in inside(written):
        if not FREE & set(path):
            changed = deepcopy(written)
            place = changed
            for key in path:
                place = place[key]
            place["x"] = 1
            assert EVENT.validate(changed), path


@pytest.mark.parametrize("event", [5, {}, {"type": 5}, {"type": "keepalive"}])
def test_what_is_no_event_is_told_apart(event: object) -> None:
    assert EVENT.validate(event)
