"""Tools, and choices among them, in the forms that a provider knows (G1, G2)."""

from __future__ import annotations

import pytest

from app.domain.tools import (
    AllowedTools,
    CustomTool,
    FunctionTool,
    NamedCustomTool,
    NamedFunction,
    NamespaceTool,
    Tool,
    ToolChoice,
    choice_in_known_forms,
    functions_of,
    in_known_forms,
    only,
)

LOOK_UP, PATCH, RUN = FunctionTool("look_up"), CustomTool("patch"), CustomTool("run")
FILES = NamespaceTool("files", "Files.", (RUN, LOOK_UP))
TOOLS: tuple[Tool, ...] = (PATCH, FILES, FunctionTool("close"))
BOTH = frozenset({"custom", "namespace"})


def names(tools: tuple[Tool, ...]) -> list[str]:
    return [f"{tool.type} {tool.name}" for tool in tools]


def test_what_is_known_stays_as_it_is() -> None:
    assert in_known_forms(TOOLS, BOTH) == TOOLS


def test_custom_tools_alone_stand_outside_their_namespaces() -> None:
    known = in_known_forms(TOOLS, {"custom"})
    listed = ["custom patch", "custom files__run", "function files__look_up", "function close"]
    assert names(known) == listed


def test_custom_tools_are_functions_inside_a_namespace_that_is_known() -> None:
    patch, files, _ = in_known_forms(TOOLS, {"namespace"})
    assert isinstance(files, NamespaceTool)
    assert names((patch, files)) == ["function patch", "namespace files"]
    assert names(files.tools) == ["function run", "function look_up"]


def test_where_nothing_is_known_all_are_functions() -> None:
    assert in_known_forms(TOOLS, frozenset()) == functions_of(TOOLS)


@pytest.mark.parametrize(
    ("known", "choice", "expected"),
    [
        (BOTH, NamedCustomTool("run"), NamedCustomTool("run")),
        (BOTH, NamedFunction("look_up"), NamedFunction("look_up")),
        ({"custom"}, NamedCustomTool("run"), NamedCustomTool("files__run")),
        ({"namespace"}, NamedCustomTool("run"), NamedFunction("run")),
        (frozenset(), NamedCustomTool("run"), NamedFunction("files__run")),
        (BOTH, "required", "required"),
        (
            BOTH,
            AllowedTools("auto", ("patch", "look_up"), frozenset({"patch"})),
            AllowedTools("auto", ("patch", "look_up"), frozenset({"patch"})),
        ),
        (
            frozenset(),
            AllowedTools("auto", ("patch", "look_up"), frozenset({"patch"})),
            AllowedTools("auto", ("patch", "files__look_up")),
        ),
    ],
)
def test_a_choice_names_tools_as_the_provider_knows_them(
    known: frozenset[str], choice: ToolChoice, expected: ToolChoice
) -> None:
    assert choice_in_known_forms(choice, TOOLS, known) == expected


def test_what_is_not_chosen_falls_away_inside_a_namespace_too() -> None:
    kept = only(TOOLS, (NamedCustomTool("patch"), NamedFunction("look_up")))
    assert kept == (PATCH, NamespaceTool("files", "Files.", (LOOK_UP,)))
