"""What an agent's model does in Codex: its calls, one answer after another.

Codex sends other tools for each model that it knows, by the last part of its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.domain.tools import qualified
from clients.site import LISTED_MODEL
from tests.upstream.script import Call, Counted, Script

Json = dict[str, Any]

#: What the shell writes and the patch adds, each into a file of its own.
SHELL, PATCHED = "the shell ran", "the patch was applied"
SHELL_FILE, PATCH_FILE = "shell.txt", "patch.txt"
QUESTIONS = ("Do it.", "And again?")
ANSWERS = ("All of it is done.", "It was done before.")

#: What its history is compacted to, and the tokens from which on it is.
SUMMARY = "The shell has run and the patch is applied."
LIMIT, LONG = 100_000, 120_000

_COMMAND = f"echo {SHELL} | tee {SHELL_FILE}"
_PATCH = f"*** Begin Patch\n*** Add File: {PATCH_FILE}\n+{PATCHED}\n*** End Patch\n"


@dataclass(frozen=True, slots=True)
class AgentCall:
    """A call by an agent's model. A custom tool's `given` is a text, another's is JSON."""

    id: str
    name: str
    given: str
    namespace: str | None = None
    is_custom: bool = False

    def scripted(self, *, as_it_is: bool) -> Call:
        """Return the call as the upstream makes it: `as_it_is`, or of a function."""
        if not as_it_is:
            arguments = json.dumps({"input": self.given}) if self.is_custom else self.given
            return Call(id=self.id, name=qualified(self.namespace, self.name), arguments=arguments)
        if self.name == "tool_search":
            item = {"type": "tool_search_call", "execution": "client"}
            return Call(id=self.id, item=item | {"arguments": json.loads(self.given)})
        return Call(
            id=self.id,
            name=self.name,
            arguments=self.given,
            namespace=self.namespace or "",
            type="custom_tool_call" if self.is_custom else "function_call",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Two turns: in the first the model makes these calls, answer by answer.

    `files` are what they leave behind. `kinds` are the types of tools and of items that a server
    which knows them must be sent. `is_builtin` has Codex use its own provider, pointed here,
    `is_listed` has it ask the gateway for its catalogue, in which the model is. `compacts` has it
    take the provider for OpenAI's, and its history for too long after the first answer.
    """

    name: str
    model: str
    answers: tuple[tuple[AgentCall, ...], ...]
    files: tuple[tuple[str, str], ...] = ((SHELL_FILE, SHELL), (PATCH_FILE, PATCHED))
    kinds: frozenset[str] = frozenset()
    is_builtin: bool = False
    is_listed: bool = False
    compacts: bool = False

    @property
    def calls(self) -> tuple[AgentCall, ...]:
        return tuple(call for answer in self.answers for call in answer)

    def scripts(self, *, as_it_is: bool) -> tuple[Script, ...]:
        """Return what the model answers, request by request."""
        usage = Counted(input=LONG) if self.compacts else Counted()
        calling = (
            Script(
                reasoning="I call what I need.",
                calls=tuple(call.scripted(as_it_is=as_it_is) for call in answer),
                usage=usage,
            )
            for answer in self.answers
        )
        summary = (Script(say=SUMMARY),) if self.compacts else ()
        return (*calling, *summary, *(Script(say=answer) for answer in ANSWERS))


def _exec(call_id: str, code: str) -> AgentCall:
    return AgentCall(call_id, "exec", code, "functions", is_custom=True)


_SHELL_CALL = AgentCall("call_shell", "exec_command", json.dumps({"cmd": _COMMAND}))
_PATCH_CALL = AgentCall("call_patch", "apply_patch", _PATCH, is_custom=True)
_CLOSE = json.dumps({"target": "nobody"})
_SEARCH = json.dumps({"query": "agents", "limit": 3})
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
        answers=((_SHELL_CALL, _PATCH_CALL), (AgentCall("call_search", "tool_search", _SEARCH),)),
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
        answers=((_SHELL_CALL, _PATCH_CALL), (AgentCall("call_search", "tool_search", _SEARCH),)),
        kinds=frozenset({"function", "custom", "tool_search"}),
        is_listed=True,
    ),
    # One whose history grows too long in the middle of a turn.
    Session(
        name="compaction",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        kinds=frozenset({"function", "custom", "tool_search"}),
        compacts=True,
    ),
    # As it is without a provider of its own: it tries a WebSocket first.
    Session(
        name="built-in provider",
        model="gpt-5.5",
        answers=((_SHELL_CALL, _PATCH_CALL),),
        kinds=frozenset({"function", "custom", "tool_search"}),
        is_builtin=True,
    ),
)
