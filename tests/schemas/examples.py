"""Responses and events of every kind, made by hand, for what the gateway writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.built_in.apply_patch import ApplyPatchCall
from app.domain.built_in.local_shell import LocalShellCall
from app.domain.built_in.shell import ShellCall
from app.domain.built_in.tool_search import ToolSearchCall
from app.domain.items import (
    Compaction,
    CustomCall,
    FunctionCall,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.response import Response, ResponseError, Usage
from app.domain.stream.call_events import (
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
)
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    ArgumentsDone,
    Compacting,
    ErrorRaised,
    Event,
    InputDelta,
    InputDone,
    ItemAdded,
    ItemDone,
    Lifecycle,
    LifecycleType,
    PartAdded,
    PartDone,
    RefusalDelta,
    RefusalDone,
    SummaryPartAdded,
    SummaryPartDone,
    SummaryTextDelta,
    SummaryTextDone,
    TextDelta,
    TextDone,
)
from app.schemas.wire.echo import echo
from tests.schemas.requests import FUNCTION, load

CITATION: dict[str, Any] = {
    "type": "url_citation",
    "url": "https://a.example/",
    "title": "A",
    "start_index": 0,
    "end_index": 2,
}
LOGPROB: dict[str, Any] = {"token": "Hi", "bytes": [72, 105], "logprob": -0.1, "top_logprobs": []}
MESSAGE = Message(
    "msg_1",
    "assistant",
    (OutputText("Hi", (CITATION,), (LOGPROB,)), Refusal("No.")),
    phase="final_answer",
)
CALL = FunctionCall("fc_1", "call_1", "look_up", "{}")
CUSTOM_CALL = CustomCall("ctc_1", "call_2", "patch", '{"input": "a"}', namespace="files")
SEARCH_CALL = ToolSearchCall("tsc_1", "call_3", arguments='{"query":"a"}')
SHELL_CALL = ShellCall(
    "sh_1",
    "call_4",
    arguments='{"commands": ["ls"], "timeout_ms": 5}',
    environment={"type": "local"},
)
LOCAL_SHELL_CALL = LocalShellCall("lsh_1", "call_5", arguments='{"command": ["ls"], "env": {}}')
PATCH_CALL = ApplyPatchCall(
    "apc_1",
    "call_6",
    arguments='{"operation": {"type": "create_file", "path": "a", "diff": "+b"}}',
)
DELETION = replace(PATCH_CALL, arguments='{"operation": {"type": "delete_file", "path": "a"}}')
THOUGHT = Reasoning("rs_1", ("Hm.",), (), "sealed")
PLAIN = echo(load())
RICH = echo(
    load(
        instructions="Be brief.",
        max_output_tokens=100,
        max_tool_calls=1,
        temperature=0.5,
        top_p=0.9,
        top_logprobs=2,
        presence_penalty=1,
        frequency_penalty=-1.5,
        tools=[
            FUNCTION,
            {
                "type": "function",
                "name": "other",
                "description": "d",
                "parameters": {"type": "object", "properties": {}},
                "strict": True,
            },
        ],
        tool_choice={"type": "function", "name": "look_up"},
        parallel_tool_calls=False,
        previous_response_id="resp_0",
        reasoning={"effort": "low", "summary": "auto"},
        text={
            "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
            "verbosity": "low",
        },
        metadata={"k": "v"},
        truncation="auto",
        user="u",
        safety_identifier="s",
        prompt_cache_key="p",
        prompt_cache_retention="24h",
    )
)
ALLOWED = echo(
    load(
        tools=[FUNCTION],
        tool_choice={"type": "allowed_tools", "tools": [{"type": "function", "name": "look_up"}]},
        text={"format": {"type": "json_object"}},
    )
)
IN_PROGRESS = Response("resp_1", "m", 1, PLAIN)
COMPLETED = replace(
    IN_PROGRESS,
    status="completed",
    output=(THOUGHT, MESSAGE, CALL),
    usage=Usage(5, 7, 1, 2, 3),
    completed_at=2,
    service_tier="default",
)
RESPONSES: dict[str, Response] = {
    "in progress": IN_PROGRESS,
    "queued": replace(IN_PROGRESS, status="queued", echo={**PLAIN, "background": True}),
    "completed": COMPLETED,
    "completed, asked with everything": replace(COMPLETED, echo=RICH),
    "completed, some tools allowed": replace(COMPLETED, echo=ALLOWED),
    "incomplete": replace(
        IN_PROGRESS,
        status="incomplete",
        incomplete_reason="max_output_tokens",
        output=(replace(MESSAGE, status="incomplete"),),
        usage=Usage(),
    ),
    "failed": replace(
        IN_PROGRESS, status="failed", error=ResponseError("server_error", "It broke.")
    ),
    "cancelled": replace(IN_PROGRESS, status="cancelled", output=(MESSAGE,), usage=Usage(1, 2)),
}
_IN_TEXT = ("msg_1", 1, 0)
_IN_REFUSAL = ("msg_1", 1, 1)
_IN_SUMMARY = ("rs_1", 0, 0)
_LIFE: dict[LifecycleType, str] = {
    "response.created": "in progress",
    "response.queued": "queued",
    "response.in_progress": "in progress",
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
COMPACTION = Compaction("cmp_1", "rgc1.AAAA")
EVENTS: tuple[Event, ...] = (
    *(Lifecycle(kind, 0, RESPONSES[name]) for kind, name in _LIFE.items()),
    Lifecycle("response.failed", 9, RESPONSES["cancelled"]),
    ItemAdded(1, 0, Reasoning("rs_1")),
    ItemAdded(1, 1, Message("msg_1", "assistant", (), "in_progress")),
    ItemAdded(1, 2, replace(CALL, arguments="", status="in_progress")),
    ItemDone(2, 0, THOUGHT),
    ItemDone(2, 1, MESSAGE),
    ItemDone(2, 2, CALL),
    PartAdded(3, *_IN_TEXT, OutputText("")),
    PartAdded(3, *_IN_REFUSAL, Refusal("")),
    PartDone(4, *_IN_TEXT, OutputText("Hi", (CITATION,), (LOGPROB,))),
    PartDone(4, *_IN_REFUSAL, Refusal("No.")),
    TextDelta(5, *_IN_TEXT, "Hi"),
    TextDelta(5, *_IN_TEXT, "Hi", (LOGPROB,)),
    TextDone(6, *_IN_TEXT, "Hi", (LOGPROB,)),
    AnnotationAdded(7, *_IN_TEXT, 0, CITATION),
    RefusalDelta(8, *_IN_REFUSAL, "No."),
    RefusalDone(9, *_IN_REFUSAL, "No."),
    ArgumentsDelta(10, "fc_1", 2, "{}"),
    ArgumentsDone(11, "fc_1", 2, "look_up", "{}"),
    SummaryPartAdded(12, *_IN_SUMMARY),
    SummaryPartDone(13, *_IN_SUMMARY, "Hm."),
    SummaryTextDelta(14, *_IN_SUMMARY, "Hm."),
    SummaryTextDone(15, *_IN_SUMMARY, "Hm."),
    ErrorRaised(16, "server_error", "upstream_unavailable", "It broke.", None),
    ItemAdded(17, 3, replace(CUSTOM_CALL, arguments='{"input": ""}', status="in_progress")),
    InputDelta(18, "ctc_1", 3, "a"),
    InputDone(19, "ctc_1", 3, "a"),
    ItemDone(20, 3, CUSTOM_CALL),
    ItemAdded(21, 4, replace(SEARCH_CALL, arguments="{}", status="in_progress")),
    ItemDone(22, 4, SEARCH_CALL),
    ItemAdded(23, 5, Compaction("cmp_1", "")),
    Compacting(24, "cmp_1", 5),
    ItemDone(25, 5, COMPACTION),
    ItemAdded(23, 5, replace(SHELL_CALL, arguments='{"commands": []}', status="in_progress")),
    CommandAdded(24, 5, 0),
    CommandDelta(25, 5, 0, "ls"),
    CommandDone(26, 5, 0, "ls"),
    ItemDone(27, 5, SHELL_CALL),
    ItemDone(28, 6, LOCAL_SHELL_CALL),
    DiffDelta(29, "apc_1", 7, "+b"),
    DiffDone(30, "apc_1", 7, "+b"),
    ItemDone(31, 7, PATCH_CALL),
    ItemDone(32, 8, DELETION),
)
