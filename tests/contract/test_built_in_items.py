"""Calls of shells and of apply_patch, and what they gave, as every format sends them on (G5)."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from app.domain.built_in.apply_patch import ApplyPatchCall, ApplyPatchCallOutput, ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellCall, LocalShellCallOutput, LocalShellTool
from app.domain.built_in.shell import ShellCall, ShellCallOutput, ShellTool
from app.domain.items import InputText, Item, Message
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import functions_of
from app.providers.profiles import Profile, profile_of
from app.providers.registry import FORMATS
from app.settings import Api, ProviderSettings
from tests.e2e.test_custom_tools import as_object, found

HELLO = Message("", "user", (InputText("hi"),))
ARGUMENTS: list[dict[str, Any]] = [
    {"commands": ["ls"], "timeout_ms": 5},
    {"command": ["ls"], "env": {}},
    {"operation": {"type": "create_file", "path": "a", "diff": "+b"}},
]
GAVE = [{"stdout": "3\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}]
SHELL, LOCAL, PATCH = map(json.dumps, ARGUMENTS)
ITEMS: tuple[Item, ...] = (
    HELLO,
    ShellCall("sh_1", "call_1", arguments=SHELL, environment={"type": "local"}),
    LocalShellCall("lsh_1", "call_2", arguments=LOCAL),
    ApplyPatchCall("apc_1", "call_3", arguments=PATCH),
    ShellCallOutput("sho_1", "call_1", json.dumps(GAVE), max_output_length=9),
    LocalShellCallOutput("lsho_1", "call_2", "a.py"),
    ApplyPatchCallOutput("apco_1", "call_3", "", "failed"),
)
FUNCTIONS = functions_of((ShellTool(), LocalShellTool(), ApplyPatchTool()))


def profile(api: Api) -> Profile:
    return profile_of(ProviderSettings(name="p", api=api, base_url="http://unknown.example/v1"))


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("api", FORMATS)
def test_they_are_calls_of_functions_and_their_outputs(api: Api, declared: bool) -> None:
    parameters = Parameters(tools=FUNCTIONS if declared else ())
    request = ModelRequest(model="m", items=ITEMS, parameters=parameters, stream=False)
    body = orjson.loads(orjson.dumps(FORMATS[api].to_upstream(request, profile(api))))
    told = body.get("messages") or body["input"]
    key = "input" if api == "anthropic_messages" else "arguments"
    assert [as_object(each) for each in found(key, told)] == ARGUMENTS
    assert found("name", told) == ["shell", "local_shell", "apply_patch"]
    texts = [text for text in _texts(told) if text in {"3\n[exit code 1]", "a.py", "Failed."}]
    assert texts == ["3\n[exit code 1]", "a.py", "Failed."]


def _texts(value: object) -> list[str]:
    """Return all strings of some JSON."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]
