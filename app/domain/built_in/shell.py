"""The tool `shell`: the caller runs shell commands and returns the output of each.

{"commands": ["ls", "pwd"], "timeout_ms": 5000}
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.arguments.wanted import as_json, first_strings, positive, read_json
from app.domain.frozen import frozen_dataclass
from app.domain.items import BuiltInCall, BuiltInCallOutput, InputPart
from app.domain.tools import BuiltInTool, FunctionTool

#: Keys under which models write the commands, whatever the description says.
COMMANDS = ("commands", "command", "cmd")

_DESCRIPTION = (
    "Runs commands in a shell on the user's computer and returns what each wrote to stdout and "
    "stderr, and its exit code. The commands run in order, each in a new shell: a `cd` or a "
    "variable of one does not reach the next, so join what belongs together with `&&`. Prefer "
    "commands that end by themselves and need no input."
)
_PARAMETERS = {
    "type": "object",
    "properties": {
        "commands": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The commands, each as it would be typed into the shell.",
        },
        "timeout_ms": {
            "type": "integer",
            "description": "After how many milliseconds the commands are ended, if they may take "
            "long.",
        },
        "max_output_length": {
            "type": "integer",
            "description": "How many characters of the output are wanted at most.",
        },
    },
    "required": ["commands"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Skill:
    """Instructions in one of the caller's folders."""

    name: str
    description: str
    path: str


@dataclass(frozen=True, slots=True)
class LocalEnvironment:
    """The caller's own computer."""

    type: ClassVar[str] = "local"
    skills: tuple[Skill, ...] = ()


@dataclass(frozen=True, slots=True)
class ShellTool(BuiltInTool):
    """Runs commands. `environment` None (omitted) means the same as local."""

    type: ClassVar[str] = "shell"
    environment: LocalEnvironment | None = None

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models, with the available skills."""
        words = _DESCRIPTION
        if self.environment and self.environment.skills:
            lines = (
                f"- {skill.name}: {skill.description} (in {skill.path})"
                for skill in self.environment.skills
            )
            words += (
                "\n\nSkills are folders of instructions and scripts on that computer. Where one "
                "fits the task, first read the file SKILL.md in its folder:\n" + "\n".join(lines)
            )
        return FunctionTool(self.type, words, deepcopy(_PARAMETERS))


@frozen_dataclass(frozen=True, slots=True)
class ShellCall(BuiltInCall):
    """Commands to run: `arguments` has `commands`, and optionally the two limits.

    `environment` is where they run: the caller's computer, or, for a call that came with the
    conversation, a container elsewhere.
    """

    type: ClassVar[str] = "shell_call"
    prefix: ClassVar[str] = "sh"
    name: str = ShellTool.type
    arguments: str = ""
    environment: dict[str, Any] | None = None

    @property
    def commands(self) -> list[str]:
        """The commands, in order."""
        found: list[str] = json.loads(self.arguments)["commands"]
        return found

    @classmethod
    def readable(cls, written: str, *, is_cut: bool = False) -> str:
        """Return the arguments; without commands, the whole text counts as one."""
        return as_json(action_in(read_json(written), written, is_cut=is_cut))


def action_in(value: Any, written: str, *, is_cut: bool) -> dict[str, Any]:
    """Return a shell call's action from a model's parsed arguments."""
    commands = first_strings(value, COMMANDS)
    if not commands and not is_cut:
        commands = [written or "{}"]
    given = value if isinstance(value, dict) else {}
    return {
        "commands": commands,
        "timeout_ms": positive(given.get("timeout_ms")),
        "max_output_length": positive(given.get("max_output_length")),
    }


@frozen_dataclass(frozen=True, slots=True)
class ShellCallOutput(BuiltInCallOutput):
    """The commands' output: `output` is a JSON array, as the caller sent it."""

    type: ClassVar[str] = "shell_call_output"
    prefix: ClassVar[str] = "sho"
    max_output_length: int | None = None

    @property
    def content(self) -> str | tuple[InputPart, ...]:
        """How models see it: as text, with the result of each command."""
        chunks = json.loads(self.output) if isinstance(self.output, str) else []
        if len(chunks) == 1:
            return _in_words(chunks[0])
        return "\n\n".join(
            f"Output {number}:\n{_in_words(each)}" for number, each in enumerate(chunks, start=1)
        )


def _in_words(chunk: dict[str, Any]) -> str:
    outcome = chunk["outcome"]
    ended = f"[exit code {outcome['exit_code']}]" if outcome["type"] == "exit" else "[timed out]"
    stderr = f"[stderr]\n{chunk['stderr']}" if chunk["stderr"] else ""
    parts = (chunk["stdout"], stderr, ended)
    return "\n".join(part.removesuffix("\n") for part in parts if part)
