"""What an agent's model does in Codex: its calls, one answer after another.

Codex sends other tools for each model that it knows, by the last part of its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from clients.agent_calls import AgentCall
from clients.site import LISTED_MODEL
from tests.upstream.script import Counted, Script

Json = dict[str, Any]

#: What the shell writes and the patch adds, each into a file of its own.
SHELL, PATCHED = "the shell ran", "the patch was applied"
SHELL_FILE, PATCH_FILE = "shell.txt", "patch.txt"
QUESTIONS = ("Do it.", "And again?")
ANSWERS = ("All of it is done.", "It was done before.")
#: What the model sums the conversation up to, and from how many tokens on.
SUMMARY, COMPACTED_FROM = "The shell and the patch are done.", 20_000

_COMMAND = f"echo {SHELL} | tee {SHELL_FILE}"
_PATCH = f"*** Begin Patch\n*** Add File: {PATCH_FILE}\n+{PATCHED}\n*** End Patch\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Two turns: in the first the model makes these calls, answer by answer.

    `files` are what they leave behind. `kinds` are the types of tools and of items that a server
    which knows them must be sent. `is_builtin` has Codex use its own provider, pointed here,
    `is_listed` has it ask the gateway for its catalogue, in which the model is. `is_compacted` has
    the conversation be summed up: behind the calls, by which it is too long; or where it
    `is_by_command`, between the turns. A provider that `is_named_openai` is asked for that, another
    is sent a request like any other. `is_on_websocket` has a provider say that it can do those.
    """

    name: str
    model: str
    answers: tuple[tuple[AgentCall, ...], ...]
    files: tuple[tuple[str, str], ...] = ((SHELL_FILE, SHELL), (PATCH_FILE, PATCHED))
    kinds: frozenset[str] = frozenset()
    is_builtin: bool = False
    is_listed: bool = False
    is_compacted: bool = False
    is_named_openai: bool = False
    is_by_command: bool = False
    is_on_websocket: bool = False

    @property
    def has_websocket(self) -> bool:
        """Whether Codex asks for a WebSocket."""
        return self.is_builtin or self.is_on_websocket

    @property
    def calls(self) -> tuple[AgentCall, ...]:
        return tuple(call for answer in self.answers for call in answer)

    @property
    def is_too_long(self) -> bool:
        """Whether the conversation is, behind the calls."""
        return self.is_compacted and not self.is_by_command

    def scripts(self, *, as_it_is: bool) -> tuple[Script, ...]:
        """Return what the model answers, request by request."""
        calling = (
            Script(
                reasoning="I call what I need.",
                calls=tuple(call.scripted(as_it_is=as_it_is) for call in answer),
                usage=Counted(input=2 * COMPACTED_FROM if is_last and self.is_too_long else 100),
            )
            for is_last, answer in ((each is self.answers[-1], each) for each in self.answers)
        )
        first, second = (Script(say=answer) for answer in ANSWERS)
        if not self.is_compacted:
            return (*calling, first, second)
        summary = Script(say=SUMMARY)
        if self.is_by_command:
            return (*calling, first, summary, second)
        return (*calling, summary, first, second)


def _exec(call_id: str, code: str) -> AgentCall:
    return AgentCall(call_id, "exec", code, "functions", is_custom=True)


_SHELL_CALL = AgentCall("call_shell", "exec_command", json.dumps({"cmd": _COMMAND}))
_PATCH_CALL = AgentCall("call_patch", "apply_patch", _PATCH, is_custom=True)
_CLOSE = json.dumps({"target": "nobody"})
_SOUGHT: Json = {"query": "agents", "limit": 3}
_SEARCH_CALL = AgentCall(
    "call_search",
    "tool_search",
    json.dumps(_SOUGHT),
    item={"type": "tool_search_call", "execution": "client", "arguments": _SOUGHT},
)
_RUN = f"const r = await tools.exec_command({{cmd: {json.dumps(_COMMAND)}}});\ntext(r.output);"
_APPLY = f"text(JSON.stringify(await tools.apply_patch({json.dumps(_PATCH)})));"

SESSIONS = (
    # A model that Codex does not know: functions, and a namespace of them.
    Session(
        name="functions",
        model="some-model",
        answers=(
            (_SHELL_CALL,),
            (AgentCall("call_close", "close_agent", _CLOSE, "multi_agent_v1"),),
        ),
        files=((SHELL_FILE, SHELL),),
        kinds=frozenset({"function", "namespace"}),
    ),
    # One whose patches are a custom tool's, and that searches: two kinds of calls at once.
    Session(
        name="custom tools",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL), (_SEARCH_CALL,)),
        kinds=frozenset({"function", "custom", "tool_search"}),
    ),
    # One of the newest, whose tools all come in an item, and which writes code that calls them.
    Session(
        name="code",
        model="gpt-6.2-sol",
        answers=(
            (_exec("call_shell", _RUN),),
            (_exec("call_patch", _APPLY),),
            (AgentCall("call_list", "list_agents", "{}", "collaboration"),),
        ),
        kinds=frozenset({"additional_tools", "custom", "namespace"}),
    ),
    # One that Codex knows by the gateway's catalogue alone.
    Session(
        name="catalogue",
        model=LISTED_MODEL,
        answers=((_SHELL_CALL, _PATCH_CALL), (_SEARCH_CALL,)),
        kinds=frozenset({"function", "custom", "tool_search"}),
        is_listed=True,
    ),
    # As it is without a provider of its own: it opens a WebSocket.
    Session(
        name="built-in provider",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        kinds=frozenset({"function", "custom", "tool_search"}),
        is_builtin=True,
    ),
    # What an operator of this gateway says of it, with each kind of tools.
    Session(
        name="WebSocket",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL), (_SEARCH_CALL,)),
        kinds=frozenset({"function", "custom", "tool_search"}),
        is_on_websocket=True,
    ),
    Session(
        name="WebSocket, functions",
        model="some-model",
        answers=(
            (_SHELL_CALL,),
            (AgentCall("call_close", "close_agent", _CLOSE, "multi_agent_v1"),),
        ),
        files=((SHELL_FILE, SHELL),),
        kinds=frozenset({"function", "namespace"}),
        is_on_websocket=True,
    ),
    # Compacted by Codex itself, with a request of its own; and by the gateway, as its own provider
    # has it.
    Session(
        name="compacts",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        is_compacted=True,
    ),
    Session(
        name="has compacted",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        is_named_openai=True,
        is_compacted=True,
    ),
    Session(
        name="has code compacted",
        model="gpt-6.2-sol",
        answers=((_exec("call_shell", _RUN),), (_exec("call_patch", _APPLY),)),
        is_builtin=True,
        is_compacted=True,
    ),
    Session(
        name="/compact",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        is_named_openai=True,
        is_compacted=True,
        is_by_command=True,
    ),
)
