"""The calls of shells and of apply_patch: items of their own, whatever models write (G4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.built_in.apply_patch import ApplyPatchCallOutput, ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import LocalEnvironment, ShellCallOutput, ShellTool, Skill
from app.domain.response import Response
from app.domain.stream.accumulate import Accumulator, fold
from app.domain.stream.call_names import CallNames
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.stream.resume import resume
from app.domain.tools import FunctionTool, functions_of
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM, OUTPUT_ITEM
from app.stream_check.grammar import Grammar
from tests.domain.test_custom_calls import CUTS, as_text, cut

TOOLS = (FunctionTool("look_up"), ShellTool(), LocalShellTool(), ApplyPatchTool())
DIFF = '@@ def f():\n-\t"a"\n+\t"ü\U0001f600\\"\n'
UPDATE = {"type": "update_file", "path": "src/a.py", "diff": DIFF}
WRITTEN: dict[str, list[dict[str, Any]]] = {
    "shell": [
        {"commands": ["ls -l | wc", 'echo "ü"'], "timeout_ms": 5000, "max_output_length": 900},
        {"commands": [""]},
    ],
    "local_shell": [
        {"command": ["ls", "-l"], "env": {"A": "b"}, "user": "me", "working_directory": "/"},
        {"command": ["ls"]},
    ],
    "apply_patch": [
        {"operation": UPDATE},
        {"operation": {"diff": "+a", "path": "a", "type": "create_file"}},
        {"operation": {"type": "delete_file", "path": "a"}},
    ],
}
CALLS = [(tool, written) for tool, each in WRITTEN.items() for written in each]


def narrator() -> Narrator:
    response = Response("resp_1", "m", 1, {}, "in_progress")
    return Narrator(response, lambda prefix: f"{prefix}_1", lambda: 2, CallNames.of((), TOOLS))


def deltas(name: str, fragments: list[str], key: str = "0") -> list[Delta]:
    said: list[Delta] = [CallOpened(key, f"call_{key}", name)]
    return said + [Arguments(key, each) for each in fragments]


def events_of(name: str, fragments: list[str], reason: Any = "stop") -> list[Event]:
    teller = narrator()
    said = [*deltas(name, fragments), Finished(reason)]
    return [*teller.begin(), *teller.hear(said), *teller.finish()]


def item_of(events: list[Event]) -> dict[str, Any]:
    """Return the one item that these events describe, once they have kept the rules."""
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    (item,) = fold(events).output
    return ITEM.dump(item)


def types_of(events: list[Event]) -> list[str]:
    return [event.type.removeprefix("response.") for event in events[2:-1]]


def test_a_shell_call_comes_command_by_command() -> None:
    written = json.dumps(WRITTEN["shell"][0], ensure_ascii=False)
    events = events_of("shell", [written[:20], written[20:]])
    assert item_of(events) == {
        "id": "sh_1",
        "type": "shell_call",
        "status": "completed",
        "call_id": "call_0",
        "action": WRITTEN["shell"][0],
        "environment": {"type": "local"},
    }
    assert types_of(events) == [
        "output_item.added",
        "shell_call_command.added",
        "shell_call_command.delta",
        "shell_call_command.delta",
        "shell_call_command.done",
        "shell_call_command.added",
        "shell_call_command.delta",
        "shell_call_command.done",
        "output_item.done",
    ]


def test_a_local_shell_call_comes_at_once() -> None:
    events = events_of("local_shell", [json.dumps(WRITTEN["local_shell"][0])])
    assert item_of(events) == {
        "id": "lsh_1",
        "type": "local_shell_call",
        "status": "completed",
        "call_id": "call_0",
        "action": {"type": "exec"} | WRITTEN["local_shell"][0],
    }
    assert types_of(events) == ["output_item.added", "output_item.done"]


def test_a_patch_comes_as_soon_as_its_file_is_known() -> None:
    written = json.dumps({"operation": UPDATE})
    events = events_of("apply_patch", [written[:-30], written[-30:]])
    assert item_of(events) == {
        "id": "apc_1",
        "type": "apply_patch_call",
        "status": "completed",
        "call_id": "call_0",
        "operation": UPDATE,
    }
    assert types_of(events) == [
        "output_item.added",
        "apply_patch_call_operation_diff.delta",
        "apply_patch_call_operation_diff.delta",
        "apply_patch_call_operation_diff.done",
        "output_item.done",
    ]
    (added,) = (EVENT.dump(event) for event in events if event.type.endswith("item.added"))
    assert added["item"]["operation"] == UPDATE | {"diff": ""}


def test_a_deletion_has_no_diff() -> None:
    operation = {"type": "delete_file", "path": "a"}
    events = events_of("apply_patch", [json.dumps({"operation": operation | {"diff": "x"}})])
    assert item_of(events)["operation"] == operation
    assert types_of(events) == ["output_item.added", "output_item.done"]


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("shell", "ls -l", ["ls -l"]),
        ("shell", '"ls -l"', ["ls -l"]),
        ("shell", '{"command": "ls"}', ["ls"]),
        ("shell", '{"commands": [ " ls " ]}', [" ls "]),
        ("shell", '{"cmd": ["ls", 5, "pwd"]}', ["ls", "pwd"]),
        ("shell", '{"commands": ["ls"', ["ls"]),
        ("shell", '{"commands": ["a\\qb"]}', ["a\\qb"]),
        ("shell", '{"commands": [], "command": "ls"}', ["ls"]),
        ("shell", '{"commands": 5}', ['{"commands": 5}']),
        ("shell", "", ["{}"]),
        ("local_shell", '{"command": "ls -l"}', ["bash", "-lc", "ls -l"]),
        ("local_shell", "ls -l", ["bash", "-lc", "ls -l"]),
        ("local_shell", '{"cmd": ["ls"], "env": {"A": 5, "B": []}}', ["ls"]),
        ("apply_patch", '{"operation": {"type": "update_file", "path": "a"', None),
        ("apply_patch", '{"type": "update_file", "path": "a", "diff": "@@\\n+b"}', "@@\n+b"),
        ("apply_patch", '{"operation": "update", "path": "a", "diff": "+b"}', "+b"),
        ("apply_patch", '{"operation": "{\\"type\\":\\"add\\",\\"path\\":\\"a\\"}"}', None),
        ("apply_patch", '{"operation": {"type": "move", "path": "a", "diff": "+b"}}', "+b"),
        ("apply_patch", '{"operation": {"type": "create_file", "diff": "+b"}}', "+b"),
        ("apply_patch", '{"operation": {"type": "delete_file"}}', None),
        ("apply_patch", "*** Begin Patch", None),
        ("apply_patch", "", "{}"),
    ],
)
def test_arguments_that_are_not_as_they_should_be_make_a_call_that_can_be_run(
    name: str, written: str, shown: Any
) -> None:
    item = item_of(events_of(name, [written]))
    assert item["status"] == "completed"
    if name == "apply_patch":
        assert item["operation"]["diff"] == (written if shown is None else shown)
        assert item["operation"]["path"]
    else:
        assert item["action"].get("commands", item["action"].get("command")) == shown


@pytest.mark.parametrize(
    "operation", [{"type": "delete_file"}, {"type": "delete_file", "path": ""}, {"path": "a"}]
)
def test_nothing_is_deleted_by_a_guess(operation: dict[str, str]) -> None:
    written = json.dumps({"operation": operation})
    assert item_of(events_of("apply_patch", [written]))["operation"]["type"] == "update_file"


@given(st.sampled_from(CALLS), st.booleans(), st.integers(0, 300), CUTS, st.booleans())
@example(("apply_patch", {"operation": UPDATE}), False, 300, list(range(90)), False)
def test_a_call_keeps_the_rules_wherever_it_is_cut_off(
    call: tuple[str, dict[str, Any]], ascii_only: bool, end: int, cuts: list[int], is_cut: bool
) -> None:
    name, arguments = call
    written = json.dumps(arguments, ensure_ascii=ascii_only)[:end]
    item = item_of(events_of(name, cut(written, cuts), "length" if is_cut else "stop"))
    cut_off = "in_progress" if name == "apply_patch" else "incomplete"
    assert item["status"] == (cut_off if is_cut else "completed")


KEYS = ["commands", "cmd", "command", "operation", "type", "path", "diff"]
TOKENS = st.sampled_from(
    [*'{}[]:,"5 \\', *(f'"{key}":' for key in KEYS), '"update_file"', '"delete_file"', '"a"']
)


@given(
    st.sampled_from(["shell", "local_shell", "apply_patch"]),
    st.text() | st.lists(TOKENS, max_size=30).map("".join),
    CUTS,
    st.booleans(),
)
@example("apply_patch", '{"operation": {"diff": "+a", "type": "x", "path": ""}}', [], False)
@example("shell", '{"commands": {"0": "ls"}}', [], False)
@example("shell", '{"commands": [["ls"]], "commands": "pwd"', [], True)
def test_a_call_keeps_the_rules_whatever_a_model_writes(
    name: str, written: str, cuts: list[int], is_cut: bool
) -> None:
    written = as_text(written)
    item_of(events_of(name, cut(written, cuts), "length" if is_cut else "stop"))


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_another_process_ends_a_call_wherever_the_first_was_lost(
    name: str, arguments: dict[str, Any]
) -> None:
    written = json.dumps(arguments)
    for end in range(len(written) + 1):
        first = narrator()
        waiting = first.response
        events = [*first.begin(), *first.hear(deltas(name, list(written[:end])))]
        second = resume(waiting, events, None, lambda: 2)
        events += second.cancel()
        grammar = Grammar()
        for event in events:
            grammar.take(EVENT.dump(event))
        assert fold(events).output == second.response.output


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_response_that_is_looked_at_shows_a_call_as_far_as_it_has_come(
    name: str, arguments: dict[str, Any]
) -> None:
    written = json.dumps(arguments)
    teller, accumulator = narrator(), Accumulator()
    events = [*teller.begin(), *teller.hear(deltas(name, list(written)))]
    for event in events:
        accumulator.add(event)
        for item in accumulator.output:
            assert OUTPUT_ITEM.validate(ITEM.dump(item)) == {}
    (shown,) = map(ITEM.dump, accumulator.output)
    if name == "shell":
        assert shown["action"]["commands"] == arguments["commands"]
    if name == "apply_patch":
        assert shown["operation"] == arguments["operation"]


def test_calls_of_all_kinds_that_come_at_once_are_kept_apart() -> None:
    names = ["shell", "look_up", "apply_patch", "local_shell"]
    texts = [json.dumps(WRITTEN.get(name, [{"a": "b"}])[0]) for name in names]
    said: list[Delta] = [CallOpened(str(n), f"call_{n}", name) for n, name in enumerate(names)]
    for start in range(0, max(map(len, texts)), 7):
        fragments = ((str(n), text[start : start + 7]) for n, text in enumerate(texts))
        said += [Arguments(key, fragment) for key, fragment in fragments if fragment]
    teller = narrator()
    events = [*teller.begin(), *teller.hear([*said, Finished()]), *teller.finish()]
    grammar = Grammar()
    for event in events:
        grammar.take(EVENT.dump(event))
    shown = [ITEM.dump(item) for item in fold(events).output]
    assert [item["type"] for item in shown] == [
        "shell_call",
        "function_call",
        "apply_patch_call",
        "local_shell_call",
    ]
    assert [item["call_id"] for item in shown] == [f"call_{n}" for n in range(4)]
    assert shown[2]["operation"] == UPDATE


def test_models_know_each_tool_as_a_function_of_its_name() -> None:
    functions = functions_of(TOOLS[1:])
    assert [each.name for each in functions] == ["shell", "local_shell", "apply_patch"]
    assert [(each.parameters or {})["required"] for each in functions] == [
        ["commands"],
        ["command"],
        ["operation"],
    ]
    assert "@@" in (functions[2].description or "")


def test_models_are_shown_the_skills_of_a_shell() -> None:
    skill = Skill("csv", "Reads tables.", "/skills/csv")
    (function,) = functions_of((ShellTool(LocalEnvironment((skill,))),))
    assert "csv: Reads tables. (in /skills/csv)" in (function.description or "")


def chunk(stdout: str, stderr: str, **outcome: Any) -> dict[str, Any]:
    return {"stdout": stdout, "stderr": stderr, "outcome": outcome}


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        ([chunk("a\n", "", type="exit", exit_code=0)], "a\n[exit code 0]"),
        ([chunk("", "b\n", type="exit", exit_code=2)], "[stderr]\nb\n[exit code 2]"),
        ([chunk("", "", type="timeout")], "[timed out]"),
        (
            [chunk("a", "", type="exit", exit_code=0), chunk("b", "c", type="timeout")],
            "Output 1:\na\n[exit code 0]\n\nOutput 2:\nb\n[stderr]\nc\n[timed out]",
        ),
        ([], ""),
    ],
)
def test_models_read_what_a_shell_gave_as_text(chunks: list[Any], text: str) -> None:
    assert ShellCallOutput("", "call_1", json.dumps(chunks)).content == text


@pytest.mark.parametrize(
    ("output", "status", "text"),
    [
        ("2 lines", "completed", "2 lines"),
        ("", "completed", "Done."),
        ("no such file", "failed", "Failed: no such file"),
        ("", "failed", "Failed."),
    ],
)
def test_models_read_whether_a_patch_has_failed(output: str, status: Any, text: str) -> None:
    assert ApplyPatchCallOutput("", "call_1", output, status).content == text
