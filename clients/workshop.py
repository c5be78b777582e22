"""A conversation with every kind of tool that an agent's package runs: what the model does.

The agent that is asked calls a function and hands over to another, which takes a note (a custom
tool), looks a customer up (a namespace), finds an offer (a deferred function), runs a command and
changes a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from clients.agent_calls import AgentCall, call_faults
from clients.catalog import Client
from clients.site import Format
from tests.upstream.script import Script

Json = dict[str, Any]

QUESTIONS = ("Do what has to be done.", "Was it done?")
ANSWERS = ("All of it is done.", "It was done before.")
#: What the tool of each client gives back.
RESULT = "{city} is as it should be"

_COMMAND = "make all"
_PATCH: Json = {"type": "update_file", "path": "a.py", "diff": "@@\n-old\n+new\n"}
CALLS = (
    AgentCall("call_weather", "get_weather", json.dumps({"city": "Paris"})),
    AgentCall("call_handoff", "transfer_to_worker", "{}"),
    AgentCall("call_note", "note", "a note\n", is_custom=True),
    AgentCall("call_look", "look_up", json.dumps({"name": "Ann"}), "crm"),
    AgentCall("call_offer", "find_offer", json.dumps({"name": "Ann"})),
    AgentCall(
        "call_shell",
        "shell",
        json.dumps({"commands": [_COMMAND]}),
        item={
            "type": "shell_call",
            "action": {"commands": [_COMMAND], "timeout_ms": None, "max_output_length": None},
        },
    ),
    AgentCall(
        "call_patch",
        "apply_patch",
        json.dumps({"operation": _PATCH}),
        item={"type": "apply_patch_call", "operation": _PATCH},
    ),
)
#: Which calls the model makes at once.
_GROUPS = (CALLS[:1], CALLS[1:2], CALLS[2:5], CALLS[5:])
_KINDS = frozenset({"namespace", "shell", "apply_patch"})
SUMMARY = "The weather, the note and the rest are done."


def scripts(format_: Format, client: Client, mode: str) -> tuple[Script, ...]:
    """Return what the model does, request by request."""
    calling = (
        Script(
            reasoning="I call what I need.",
            calls=tuple(
                call.scripted(as_it_is=format_.knows_tools)
                for call in group
                if call.id not in client.lacks
            ),
        )
        for group in _GROUPS
    )
    first, second = (Script(say=answer) for answer in ANSWERS)
    summary = (Script(say=SUMMARY),) if mode == "compacted" else ()
    return (*calling, first, *summary, second)


def faults(
    format_: Format, bodies: Sequence[Json], client: Client, mode: str, *, reasoning: bool
) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent."""
    del reasoning  # what becomes of it is the other story's
    is_compacted = mode == "compacted"
    expected = len(_GROUPS) + len(ANSWERS) + is_compacted
    if len(bodies) != expected:
        yield f"the upstream was asked {len(bodies)} times, not {expected}"
        return
    knows, calls = format_.knows_tools, [call for call in CALLS if call.id not in client.lacks]
    kinds = _KINDS if "call_note" in client.lacks else _KINDS | {"custom"}
    yield from call_faults(calls, bodies[len(_GROUPS)], as_it_is=knows, kinds=kinds)
    told = json.dumps(bodies[-1].get("messages") or bodies[-1]["input"])
    # The package for node sends nothing of what stands before a compaction.
    before = (SUMMARY,) if is_compacted else (QUESTIONS[0], ANSWERS[0])
    for text in (*before, QUESTIONS[1]):
        if text not in told:
            yield f"the last request lacks {text!r}"
    if not is_compacted:
        yield from call_faults(calls, bodies[-1], as_it_is=knows, kinds=frozenset())
    elif any(f'"{call.id}"' in told for call in calls):
        yield "the last request has calls that the summary stands for"
