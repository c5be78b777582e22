"""Shells and apply_patch in requests: the tools, the choice among them, their items (G4, G5)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellCallOutput, LocalShellTool
from app.domain.built_in.shell import LocalEnvironment, ShellTool, Skill
from app.domain.items import FunctionCall
from app.domain.tools import AllowedTools, NamedBuiltInTool, NamedFunction, choice_in_known_forms
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.schemas.wire.items import ITEM
from app.schemas.wire.tools import TOOL
from tests.schemas.requests import FUNCTION, body, fault, load, verdict

MISSING, TYPE, VALUE = "missing_required_parameter", "invalid_type", "invalid_value"
UNSUPPORTED = "unsupported_value"
SKILL = {"name": "csv", "description": "Reads tables.", "path": "/skills/csv"}
LOCAL = {"type": "local"}
SHELL: dict[str, Any] = {"type": "shell"}
LOCAL_SHELL, PATCH = {"type": "local_shell"}, {"type": "apply_patch"}
CONTAINERS = [
    {"type": "container_auto", "memory_limit": "4g"},
    {"type": "container_reference", "container_id": "cntr_1"},
]


@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize(
    ("raw", "made"),
    [
        (SHELL, ShellTool()),
        (SHELL | {"environment": None}, ShellTool()),
        (SHELL | {"environment": LOCAL}, ShellTool(LocalEnvironment())),
        (
            SHELL | {"environment": LOCAL | {"skills": [SKILL]}},
            ShellTool(LocalEnvironment((Skill(**SKILL),))),
        ),
        (LOCAL_SHELL, LocalShellTool()),
        (PATCH, ApplyPatchTool()),
    ],
)
def test_a_tool_that_the_caller_runs_is_taken_under_every_policy(
    raw: Any, made: Any, policy: bool
) -> None:
    request = CREATE_REQUEST.load(
        body(tools=[raw, FUNCTION]), context=ReadContext(drops_unsupported=policy)
    )
    assert request.parameters.tools[0] == made
    assert request.ignored == ()


@pytest.mark.parametrize(
    "tool", [SHELL, SHELL | {"environment": LOCAL | {"skills": [SKILL]}}, LOCAL_SHELL, PATCH]
)
def test_a_response_shows_such_a_tool_as_it_was_declared(tool: Any) -> None:
    request = load(tools=[tool])
    (shown,) = echo(request)["tools"]
    assert shown == tool
    assert TOOL.load(shown) == request.parameters.tools[0]


@pytest.mark.parametrize(
    ("tools", "code", "where"),
    [
        ([SHELL | {"environment": "local"}], TYPE, "tools[0].environment"),
        ([SHELL | {"environment": {}}], MISSING, "tools[0].environment.type"),
        ([SHELL | {"environment": {"type": "moon"}}], VALUE, "tools[0].environment.type"),
        (
            [SHELL | {"environment": LOCAL | {"skills": [SKILL | {"path": 5}]}}],
            TYPE,
            "tools[0].environment.skills[0].path",
        ),
        ([PATCH, PATCH], VALUE, "tools[1].type"),
        ([FUNCTION | {"name": "shell"}, SHELL], VALUE, "tools[1].type"),
        ([SHELL, FUNCTION | {"name": "shell"}], VALUE, "tools[1].name"),
        (
            [{"type": "namespace", "name": "n", "tools": [FUNCTION, PATCH]}],
            VALUE,
            "tools[0].tools[1].type",
        ),
    ],
)
def test_a_tool_that_is_wrong_is_refused_by_its_path(
    tools: list[Any], code: str, where: str
) -> None:
    assert verdict(body(tools=tools)) == (code, where)


@pytest.mark.parametrize("environment", CONTAINERS)
def test_a_shell_in_a_container_is_refused_by_the_containers_name(environment: Any) -> None:
    refused = fault(body(tools=[FUNCTION, SHELL | {"environment": environment}]))
    assert (refused.code, refused.param) == (UNSUPPORTED, "tools[1].environment.type")
    assert f'"{environment["type"]}"' in refused.message
    assert '{"type": "local"}' in refused.message


@pytest.mark.parametrize("environment", CONTAINERS)
def test_a_shell_in_a_container_is_dropped_as_hosted_tools_are(environment: Any) -> None:
    tools = [SHELL | {"environment": environment}, FUNCTION]
    request = CREATE_REQUEST.load(
        body(tools=tools, tool_choice=SHELL), context=ReadContext(drops_unsupported=True)
    )
    assert [tool.name for tool in request.parameters.tools] == ["look_up"]
    assert request.parameters.tool_choice == "auto"
    assert request.ignored == ("tools[0]", "tool_choice.type")


def test_a_computer_is_refused_as_what_the_caller_runs() -> None:
    assert (
        "is run by the caller, and not understood here"
        in fault(body(tools=[{"type": "computer"}])).message
    )


@pytest.mark.parametrize("choice", [SHELL, LOCAL_SHELL, PATCH])
def test_a_tool_is_chosen_by_its_type(choice: Any) -> None:
    request = load(tools=[FUNCTION, SHELL, LOCAL_SHELL, PATCH], tool_choice=choice)
    parameters = request.parameters
    assert parameters.tool_choice == NamedBuiltInTool(choice["type"])
    assert echo(request)["tool_choice"] == choice
    chosen = choice_in_known_forms(parameters.tool_choice, parameters.tools)
    assert chosen == NamedFunction(choice["type"])


def test_tools_of_all_kinds_can_be_allowed_together() -> None:
    choice: dict[str, Any] = {"type": "allowed_tools", "mode": "auto"}
    choice |= {"tools": [PATCH, {"type": "function", "name": "look_up"}]}
    request = load(tools=[FUNCTION, SHELL, PATCH], tool_choice=choice)
    assert echo(request)["tool_choice"] == choice
    chosen = choice_in_known_forms(request.parameters.tool_choice, request.parameters.tools)
    assert chosen == AllowedTools("auto", ("apply_patch", "look_up"))


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([FUNCTION], SHELL, "tool_choice"),
        ([FUNCTION | {"name": "shell"}], SHELL, "tool_choice"),
        ([SHELL], {"type": "function", "name": "shell"}, "tool_choice"),
        ([SHELL], {"type": "allowed_tools", "tools": [PATCH]}, "tool_choice"),
    ],
)
def test_a_choice_of_a_tool_that_is_not_declared_is_refused(
    tools: Any, choice: Any, where: str
) -> None:
    assert verdict(body(tools=tools, tool_choice=choice)) == (VALUE, where)


ACTION = {"commands": ["ls", "pwd"], "timeout_ms": 5000, "max_output_length": None}
SHELL_CALL = {
    "type": "shell_call",
    "id": "sh_1",
    "status": "completed",
    "call_id": "call_1",
    "action": ACTION,
    "environment": LOCAL,
}
GAVE = [
    {"stdout": "a\n", "stderr": "ü", "outcome": {"type": "exit", "exit_code": -1}},
    {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}},
]
SHELL_OUTPUT = {
    "type": "shell_call_output",
    "id": "sho_1",
    "status": "completed",
    "call_id": "call_1",
    "output": GAVE,
    "max_output_length": 900,
}
LOCAL_ACTION = {
    "type": "exec",
    "command": ["ls"],
    "env": {"A": "b"},
    "working_directory": "/",
}
LOCAL_CALL = {
    "type": "local_shell_call",
    "id": "lsh_1",
    "status": "completed",
    "call_id": "call_2",
    "action": LOCAL_ACTION,
}
LOCAL_OUTPUT = {
    "type": "local_shell_call_output",
    "id": "lsho_1",
    "status": "completed",
    "call_id": "call_2",
    "output": '{"stdout": "a"}',
}
PATCH_CALL = {
    "type": "apply_patch_call",
    "id": "apc_1",
    "status": "completed",
    "call_id": "call_3",
    "operation": {"type": "update_file", "path": "a", "diff": "@@\n-a\n+b"},
}
PATCH_OUTPUT = {
    "type": "apply_patch_call_output",
    "id": "apco_1",
    "status": "failed",
    "call_id": "call_3",
    "output": "no such file",
}
DELETION = PATCH_CALL | {"operation": {"type": "delete_file", "path": "a"}}
ELSEWHERE = SHELL_CALL | {"environment": CONTAINERS[1]}
ITEMS = [
    SHELL_CALL,
    ELSEWHERE,
    SHELL_CALL | {"environment": None},
    SHELL_OUTPUT,
    SHELL_OUTPUT | {"max_output_length": None, "output": []},
    LOCAL_CALL,
    LOCAL_OUTPUT,
    PATCH_CALL,
    DELETION,
    PATCH_CALL | {"status": "in_progress"},
    PATCH_OUTPUT,
]


@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize("raw", ITEMS, ids=lambda raw: raw["type"])
def test_an_item_is_listed_as_it_came_and_read_again(raw: Any, policy: bool) -> None:
    request = CREATE_REQUEST.load(body(input=[raw]), context=ReadContext(drops_unsupported=policy))
    (item,) = request.input
    shown = ITEM.dump(item)  # type: ignore[arg-type] # it is no reference
    assert shown == raw
    assert request.ignored == ()
    assert ITEM.load(orjson.loads(orjson.dumps(shown))) == item


BARE = [
    ({"type": "shell_call", "call_id": "call_1", "action": {"commands": ["ls"]}}, SHELL_CALL),
    (
        {"type": "local_shell_call", "call_id": "call_2"}
        | {"action": {"type": "exec", "command": ["ls"]}},
        LOCAL_CALL,
    ),
    ({"type": "apply_patch_call_output", "call_id": "call_3"}, PATCH_OUTPUT),
]


@pytest.mark.parametrize(("raw", "whole"), BARE)
def test_what_an_item_may_lack_is_added(raw: Any, whole: Any) -> None:
    (item,) = load(input=[raw]).input
    assert ITEM.dump(item).keys() == whole.keys()  # type: ignore[arg-type]


def test_models_are_sent_the_call_of_a_function() -> None:
    (item,) = load(input=[SHELL_CALL]).input
    assert isinstance(item, FunctionCall)
    assert (item.qualified_name, orjson.loads(item.arguments)) == (
        "shell",
        {"commands": ["ls", "pwd"], "timeout_ms": 5000},
    )


@pytest.mark.parametrize(
    "given",
    [{"id": "call_2"}, {"call_id": "call_2"}, {"call_id": "call_2", "id": None}],
)
def test_an_output_of_a_local_shell_names_its_call_by_either_id(given: Any) -> None:
    (item,) = load(input=[{"type": "local_shell_call_output", "output": "a"} | given]).input
    assert item == LocalShellCallOutput("", "call_2", "a")


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (SHELL_CALL | {"call_id": None}, MISSING, ".call_id"),
        (SHELL_CALL | {"action": None}, MISSING, ".action"),
        (SHELL_CALL | {"action": {}}, MISSING, ".action.commands"),
        (SHELL_CALL | {"action": {"commands": "ls"}}, TYPE, ".action.commands"),
        (SHELL_CALL | {"action": {"commands": ["ls", 5]}}, TYPE, ".action.commands[1]"),
        (SHELL_CALL | {"action": ACTION | {"timeout_ms": "5"}}, TYPE, ".action.timeout_ms"),
        (SHELL_CALL | {"status": "done"}, VALUE, ".status"),
        (SHELL_CALL | {"environment": {"type": "moon"}}, VALUE, ".environment.type"),
        (SHELL_OUTPUT | {"output": "a"}, TYPE, ".output"),
        (SHELL_OUTPUT | {"output": [GAVE[0], 5]}, TYPE, ".output[1]"),
        (SHELL_OUTPUT | {"output": [GAVE[0] | {"stdout": 5}]}, TYPE, ".output[0].stdout"),
        (
            SHELL_OUTPUT | {"output": [GAVE[0] | {"outcome": {"type": "exit"}}]},
            MISSING,
            ".output[0].outcome.exit_code",
        ),
        (
            SHELL_OUTPUT | {"output": [GAVE[0] | {"outcome": {"type": "lost"}}]},
            VALUE,
            ".output[0].outcome.type",
        ),
        (LOCAL_CALL | {"action": LOCAL_ACTION | {"type": "run"}}, VALUE, ".action.type"),
        (LOCAL_CALL | {"action": LOCAL_ACTION | {"env": {"A": 5}}}, TYPE, ".action.env.A"),
        ({"type": "local_shell_call_output", "output": "a"}, MISSING, ".call_id"),
        ({"type": "local_shell_call_output", "output": "a", "id": "x" * 65}, VALUE, ".id"),
        (LOCAL_OUTPUT | {"output": []}, TYPE, ".output"),
        (PATCH_CALL | {"operation": {"type": "move_file"}}, VALUE, ".operation.type"),
        (
            PATCH_CALL | {"operation": {"type": "create_file", "path": "a"}},
            MISSING,
            ".operation.diff",
        ),
        (PATCH_CALL | {"status": "incomplete"}, VALUE, ".status"),
        (PATCH_OUTPUT | {"status": "in_progress"}, VALUE, ".status"),
    ],
)
def test_an_item_that_is_wrong_is_refused_by_its_path(raw: Any, code: str, where: str) -> None:
    assert verdict(body(input=[raw])) == (code, f"input[0]{where}")
