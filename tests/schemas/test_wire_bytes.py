"""What the gateway writes, byte for byte: each line was recorded, and only a decision changes it.

tests/fixtures/wire/bytes.json holds a line for each object: what callers see, what is stored.
After a decision delete it, and `python -m tests.schemas.test_wire_bytes` records it anew. What is
echoed since then is left out of the comparison: it changes no byte of the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from app.domain.accounts.accounts import (
    UNLIMITED,
    Account,
    Allowance,
    ApiKey,
    AuditEntry,
    Permissions,
    Secret,
)
from app.domain.accounts.attribution import DEFAULT_GROUPS
from app.domain.accounts.usage import UsageLine, UsageReport, UsageRow, summed
from app.domain.answer_options import ConfigurationUpdate, JsonSchemaFormat
from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.items import (
    AdditionalTools,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.response import Response, Usage
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    Finished,
    ItemEnded,
    MessageOpened,
    Opaque,
    PartEnded,
    ReasoningOpened,
    Refused,
    Text,
    Thought,
    Used,
)
from app.domain.stream.events import Event, Lifecycle
from app.domain.tools import FunctionTool
from app.errors import InvalidRequest, NotFound, RateLimited, UpstreamTimeout
from app.schemas.wire.accounts import ACCOUNT, API_KEY, AUDIT_ENTRY, new_key
from app.schemas.wire.answers import ERROR_ENVELOPE
from app.schemas.wire.echo import echo
from app.schemas.wire.event_lines import encode
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.tools import FUNCTION_TOOL
from app.schemas.wire.usage import USAGE_REPORT, USAGE_ROW
from tests.domain.narrating import narrated, narrator
from tests.schemas.examples import CITATION, COMPLETED, EVENTS, LOGPROB, RESPONSES
from tests.schemas.requests import FUNCTION, load

RECORDED = Path(__file__).parents[1] / "fixtures/wire/bytes.json"
STREAMS = 200

ITEMS: dict[str, Item] = {
    "message: text": Message("msg_1", "assistant", (OutputText("Hi\n\u2028ü"),)),
    "message: text with notes": Message(
        "msg_1", "assistant", (OutputText("Hi", (CITATION,), (LOGPROB,)),), "incomplete"
    ),
    "message: refusal and phase": Message(
        "msg_1", "assistant", (Refusal("No."),), "in_progress", "commentary"
    ),
    "message: empty": Message("msg_1", "assistant", ()),
    "message: text of the user": Message("msg_1", "user", (InputText("Hi"),)),
    "message: images": Message(
        "msg_1",
        "user",
        (
            InputImage("https://a.example/b.png"),
            InputImage(file_id="f", detail="low"),
            InputImage("u", "f", "high"),
        ),
    ),
    "message: files": Message(
        "msg_1",
        "developer",
        (
            InputFile("AAAA", filename="a.pdf"),
            InputFile(file_url="https://a.example/", detail="low"),
            InputFile(file_id="f"),
            InputFile("a", "b", "c", "d", "e"),
            InputFile(),
        ),
    ),
    "message: what was sent as the model's words": Message(
        "msg_1", "assistant", (OutputText("a", ({"x": 1},), ({"y": [None]},)),)
    ),
    "call": FunctionCall("fc_1", "call_1", "look_up", '{"a": "ü"}', "incomplete"),
    "output: text": FunctionCallOutput("fco_1", "call_1", "4"),
    "output: parts": FunctionCallOutput(
        "fco_1", "call_1", (InputText("4"), InputImage("u"), InputFile(file_id="f")), "incomplete"
    ),
    "output: no parts": FunctionCallOutput("fco_1", "call_1", ()),
    "custom call": CustomCall("ctc_1", "call_1", "patch", '{"input": "\\u00fc\\n"}', "incomplete"),
    "custom call: of a namespace": CustomCall(
        "ctc_1", "call_1", "patch", '{"input": ""}', namespace="files"
    ),
    "custom output": CustomCallOutput("ctco_1", "call_1", "4"),
    "custom output: parts": CustomCallOutput("ctco_1", "call_1", (InputText("4"),)),
    "search": ToolSearchCall("tsc_1", "call_1", arguments='{"query": "\\u00fc"}'),
    "search: no object": ToolSearchCall("tsc_1", "call_1", arguments="mail", status="incomplete"),
    "search: found": ToolSearchOutput("tso_1", "call_1", tools=(FunctionTool("look_up"),)),
    "tools: additional": AdditionalTools("at_1", (FunctionTool("look_up"),)),
    "update": ConfigurationUpdate("cfg_1", "high", JsonSchemaFormat("n", {"b": 1, "a": [None]})),
    "update: plain text": ConfigurationUpdate("cfg_1", None, "text"),
    "update: nothing": ConfigurationUpdate("cfg_1"),
    "search: found nothing": ToolSearchOutput("tso_1", "call_1"),
    "reasoning: empty": Reasoning("rs_1"),
    "reasoning: summary": Reasoning("rs_1", ("a", "b")),
    "reasoning: content and payload": Reasoning("rs_1", ("a",), ("b", "c"), "sealed"),
    "reasoning: an empty payload": Reasoning("rs_1", (), (), ""),
}
ECHOES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "zeros": {
        "frequency_penalty": 0.0,
        "presence_penalty": -0.0,
        "temperature": 0.0,
        "top_p": 0.0,
        "top_logprobs": 0,
    },
    "integers": {"frequency_penalty": 1, "temperature": 2, "top_p": 1},
    "parallel": {"parallel_tool_calls": True, "reasoning": {"effort": "high"}},
    "one after another": {"parallel_tool_calls": False, "reasoning": {"summary": "auto"}},
    "no reasoning": {"reasoning": {}},
    "required": {"tools": [FUNCTION], "tool_choice": "required"},
    "named": {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "look_up"}},
    "allowed": {
        "tools": [FUNCTION],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "look_up"}],
        },
    },
    "custom tools": {
        "tools": [
            {"type": "custom", "name": "patch"},
            {
                "type": "namespace",
                "name": "files",
                "tools": [
                    {
                        "type": "custom",
                        "name": "patch",
                        "description": "d",
                        "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"},
                    }
                ],
            },
        ],
        "tool_choice": {"type": "custom", "name": "patch"},
    },
    "custom tools allowed": {
        "tools": [FUNCTION, {"type": "custom", "name": "patch"}],
        "tool_choice": {
            "type": "allowed_tools",
            "tools": [
                {"type": "custom", "name": "patch"},
                {"type": "function", "name": "look_up"},
            ],
        },
    },
    "search among tools": {
        "tools": [
            FUNCTION,
            {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}},
        ]
    },
    "object": {"text": {"format": {"type": "json_object"}, "verbosity": "high"}},
    "schema": {
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"b": 1, "a": [None]}}}
    },
    "schema in full": {
        "text": {
            "format": {
                "type": "json_schema",
                "name": "n",
                "schema": {},
                "description": "d",
                "strict": False,
            }
        }
    },
    "background": {"background": True, "store": True, "truncation": "auto", "metadata": {"k": ""}},
    "unstored": {"store": False, "service_tier": "flex", "seed": 1, "stream": True},
    "continued": {"previous_response_id": "resp_0", "user": "", "instructions": ""},
    "keys": {"safety_identifier": "s", "prompt_cache_key": "k", "prompt_cache_retention": "24h"},
    "bounds": {"max_output_tokens": 16, "max_tool_calls": 1},
}
DELTAS: tuple[Delta, ...] = (
    Text("Hello "),
    Text(""),
    Text('ü"\\\n'),
    Text("likely", (LOGPROB,)),
    Thought("Hm. "),
    Refused("No."),
    Annotated(CITATION),
    MessageOpened(None),
    MessageOpened("commentary"),
    ReasoningOpened(),
    Opaque("payload"),
    CallOpened("0", None, "f"),
    CallOpened("1", "call_x", "g"),
    Arguments("0", '{"a":'),
    Arguments("0", "1}"),
    Arguments("1", "{}"),
    PartEnded(),
    ItemEnded(),
    Used(Usage(3, 4, 1, 2, 3)),
    Finished(),
    Finished("length"),
    Finished("content_filter", "flex"),
)
LIMITS = Allowance(requests_per_minute=5, requests_per_day=UNLIMITED, max_in_flight=0)
KEY = ApiKey(
    id="key_1",
    account="acme",
    created_at=1,
    secrets=(Secret(sha256="00"), Secret(sha256="11", expires_at=9, last_used_at=60)),
    name="ci",
    expires_at=10,
    permissions=Permissions(
        models=("o1", "gpt-*"), read_only=True, unsupported_tools="drop", limits=LIMITS
    ),
)
BARE_KEY = ApiKey(id="key_2", account="acme", created_at=1, secrets=(), active=False)
DAY = date(2030, 1, 31)
LINES = (
    UsageLine(account="a", key_id="key_1", model="m", day=DAY, requests=2, errors=1),
    UsageLine(account="a", key_id="k", model="m/n", day=DAY, input_tokens=7, cached_tokens=3),
)


def usage(*lines: UsageLine) -> UsageReport:
    """Return a report of usage."""
    sums = summed(lines)
    rows = [UsageRow(DEFAULT_GROUPS, line) for line in sums.lines()]
    return UsageReport(DAY, DAY, rows, sums.total(DAY))


def recorded() -> dict[str, str]:
    """Return what was recorded."""
    if not RECORDED.exists():
        return {}
    lines: dict[str, str] = orjson.loads(RECORDED.read_bytes())
    return lines


KNOWN = set(orjson.loads(recorded().get("echo: nothing", "{}")))


def known(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an echo that were there when it was recorded."""
    return {name: each for name, each in parameters.items() if name in KNOWN or not KNOWN}


def as_recorded(response: Response) -> Response:
    """Return a response that echoes only those."""
    return replace(response, echo=known(response.echo))


def event_as_recorded(event: Event) -> Event:
    """Return an event whose response, if it has one, echoes only those."""
    if isinstance(event, Lifecycle):
        return replace(event, response=as_recorded(event.response))
    return event


def written() -> Iterator[tuple[str, bytes]]:
    """Yield the name of every object and what is written of it."""
    for name, item in ITEMS.items():
        yield f"item: {name}", orjson.dumps(ITEM.dump(item))
    for name, sent in ECHOES.items():
        yield f"echo: {name}", orjson.dumps(known(echo(load(**sent))))
    for name, response in RESPONSES.items():
        yield f"response: {name}", orjson.dumps(RESPONSE.dump(as_recorded(response)))
    whole = as_recorded(replace(COMPLETED, output=_output()))
    yield "response: all items", orjson.dumps(RESPONSE.dump(whole))
    for number, event in enumerate(map(event_as_recorded, EVENTS)):
        yield f"event {number}: {event.type}", encode(event)
        yield f"event {number}: {event.type}, slowly", orjson.dumps(EVENT.dump(event))
    yield f"{STREAMS} streams", hashlib.sha256(b"\n".join(_streams())).hexdigest().encode()
    yield from _small()


def _output() -> tuple[Item, ...]:
    kinds = (Message, FunctionCall, Reasoning)
    return tuple(
        item
        for item in ITEMS.values()
        if type(item) in kinds and getattr(item, "role", "assistant") == "assistant"
    )


def _streams() -> Iterator[bytes]:
    chance = Random(20260)  # noqa: S311 - it only has to be the same each time
    for _ in range(STREAMS):
        deltas = [chance.choice(DELTAS) for _ in range(chance.randrange(25))]
        for event in narrated(deltas, narrator(chance.choice(["queued", "in_progress"]))):
            yield encode(event_as_recorded(event))


def _small() -> Iterator[tuple[str, bytes]]:
    errors = {
        "bare": NotFound("None."),
        "full": InvalidRequest("It is wrong.", param="input", code="invalid_type"),
        "late": UpstreamTimeout("Late."),
        "many": RateLimited("Too many."),
    }
    for name, error in errors.items():
        yield f"error: {name}", orjson.dumps(ERROR_ENVELOPE.dump(error))
    tools = (FunctionTool("f"), FunctionTool("f", "d", {"type": "object"}, True))
    for number, tool in enumerate(tools):
        yield f"tool {number}", orjson.dumps(FUNCTION_TOOL.dump(tool))
    yield "usage", orjson.dumps(USAGE_REPORT.dump(usage(*LINES)))
    yield "usage: none", orjson.dumps(USAGE_REPORT.dump(usage()))
    yield "usage: a line", orjson.dumps(USAGE_ROW.dump(UsageRow(DEFAULT_GROUPS, LINES[1])))
    yield "key", orjson.dumps(API_KEY.dump(KEY))
    yield "key: bare", orjson.dumps(API_KEY.dump(BARE_KEY))
    yield "key: new", orjson.dumps(new_key(KEY, "sk-1"))
    account = Account(name="acme", created_at=1, limits=LIMITS, max_stored_bytes=UNLIMITED)
    yield "account", orjson.dumps(ACCOUNT.dump(account))
    yield "account: bare", orjson.dumps(ACCOUNT.dump(Account(name="a", created_at=1, active=False)))
    entry = AuditEntry(at=1, by="me", action="key.create", subject="key_1", detail="d")
    yield "audit", orjson.dumps(AUDIT_ENTRY.dump(entry))


WRITTEN = dict(written())


@pytest.mark.parametrize("name", WRITTEN)
def test_an_object_is_written_byte_for_byte_as_it_was_recorded(name: str) -> None:
    assert WRITTEN[name].decode() == recorded()[name]


def test_all_that_was_recorded_is_still_written() -> None:
    assert set(recorded()) == set(WRITTEN)


if __name__ == "__main__":
    lines = {name: line.decode() for name, line in WRITTEN.items()}
    RECORDED.write_bytes(orjson.dumps(lines, option=orjson.OPT_INDENT_2) + b"\n")
