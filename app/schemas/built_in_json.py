"""Actions and operations, which calls of built-in tools show in place of arguments (G4).

The domain has `{"commands": ["ls"]}` where the API shows `{"commands": ["ls"], "timeout_ms": null,
"max_output_length": null}`.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from app.domain.arguments.wanted import as_json

Json = dict[str, Any]

_SHELL = ("commands", "timeout_ms", "max_output_length")
_LOCAL_SHELL = ("command", "env", "timeout_ms", "user", "working_directory")
_OPERATION = ("type", "path", "diff")


def shell_action(arguments: str) -> Json:
    """Return the action of a shell call, made from its arguments."""
    given = orjson.loads(arguments)
    return {name: given.get(name) for name in _SHELL}


def shell_arguments(action: Json) -> str:
    """Return the arguments of a shell call, made from its action."""
    return as_json({name: action.get(name) for name in _SHELL})


def local_shell_action(arguments: str) -> Json:
    """Return the action of a local shell call, made from its arguments.

    Unlike in other actions, what it lacks is left out: OpenAI's endpoint does so, and the AI SDK
    refuses a null there.
    """
    given = orjson.loads(arguments)
    there = {name: value for name in _LOCAL_SHELL if (value := given.get(name)) is not None}
    return {"type": "exec"} | there


def local_shell_arguments(action: Json) -> str:
    """Return the arguments of a local shell call, made from its action."""
    given = {name: action.get(name) for name in _LOCAL_SHELL}
    return as_json(given | {"env": given["env"] or {}})


def patch_operation(arguments: str) -> Json:
    """Return the operation of an apply_patch call, made from its arguments."""
    operation: Json = orjson.loads(arguments)["operation"]
    return operation


def patch_arguments(operation: Json) -> str:
    """Return the arguments of an apply_patch call, made from its operation."""
    given = {name: operation[name] for name in _OPERATION if name in operation}
    return as_json({"operation": given})


def shell_outputs(output: str) -> list[Json]:
    """Return the outputs of a shell's commands, parsed from the domain's text."""
    outputs: list[Json] = orjson.loads(output)
    return outputs


def shell_output_text(outputs: list[Json]) -> str:
    """Return the outputs of a shell's commands as the domain's text."""
    return json.dumps(outputs, ensure_ascii=False)
