"""The tool `local_shell`: the caller runs one command and returns its output.

{"command": ["ls", "-l"], "env": {}, "working_directory": "/tmp"}
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.arguments.wanted import as_json, positive, read_json, strings_in
from app.domain.frozen import frozen_dataclass
from app.domain.items import BuiltInCall, BuiltInCallOutput
from app.domain.tools import BuiltInTool, FunctionTool

_COMMAND = ("command", "commands", "cmd")

_DESCRIPTION = (
    "Runs one command on the user's computer and returns what it wrote. The command is an array of "
    "the program and its arguments, and no shell reads it: for pipes, variables and `&&` run "
    '["bash", "-lc", "..."]. Prefer commands that end by themselves and need no input.'
)
_PARAMETERS = {
    "type": "object",
    "properties": {
        "command": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The program, then its arguments.",
        },
        "env": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Environment variables to set for the command.",
        },
        "timeout_ms": {
            "type": "integer",
            "description": "After how many milliseconds the command is ended, if it may take long.",
        },
        "user": {"type": "string", "description": "Who runs the command, if not the usual user."},
        "working_directory": {"type": "string", "description": "The folder to run it in."},
    },
    "required": ["command"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class LocalShellTool(BuiltInTool):
    """Runs one command."""

    type: ClassVar[str] = "local_shell"

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models."""
        return FunctionTool(self.type, _DESCRIPTION, deepcopy(_PARAMETERS))


@frozen_dataclass(frozen=True, slots=True)
class LocalShellCall(BuiltInCall):
    """A command to run: `arguments` has `command`, `env`, and optionally limit, user and folder."""

    type: ClassVar[str] = "local_shell_call"
    prefix: ClassVar[str] = "lsh"
    name: str = LocalShellTool.type
    arguments: str = ""

    @classmethod
    def readable(cls, written: str, *, is_cut: bool = False) -> str:
        """Return the arguments; without a command, a shell is given the whole text."""
        return as_json(_action_in(read_json(written), written, is_cut=is_cut))


def _action_in(value: Any, written: str, *, is_cut: bool) -> dict[str, Any]:
    given = value if isinstance(value, dict) else {}
    command: list[str] = []
    if isinstance(value, str):
        command = _in_a_shell(value)
    else:
        raw = next((given[name] for name in _COMMAND if strings_in(given.get(name))), None)
        command = _in_a_shell(raw) if isinstance(raw, str) else strings_in(raw)
    if not command and not is_cut:
        command = _in_a_shell(written or "{}")
    env = given.get("env")
    return {
        "command": command,
        "env": _texts(env) if isinstance(env, dict) else {},
        "timeout_ms": positive(given.get("timeout_ms")),
        "user": _text(given.get("user")),
        "working_directory": _text(given.get("working_directory")),
    }


def _in_a_shell(text: str) -> list[str]:
    return ["bash", "-lc", text]


def _texts(env: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in env.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


@frozen_dataclass(frozen=True, slots=True)
class LocalShellCallOutput(BuiltInCallOutput):
    """The command's output: a text, often JSON."""

    type: ClassVar[str] = "local_shell_call_output"
    prefix: ClassVar[str] = "lsho"
