"""Where prompts are marked for Anthropic's cache (U23)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.answer_options import CacheOptions
from app.domain.items import CacheBreakpoint, InputImage, InputPart, InputText, Item, Message
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.profiles import PROFILES, least_cached_tokens
from app.providers.writing.placeholders import GO_ON
from tests.providers.asking import TOOL, answered, ask, called, said, shown, thought

ANTHROPIC = PROFILES["anthropic"]
PLAIN = PROFILES["generic"]
MODEL = "claude-sonnet-4-5"
LONG = "long " * 3000
SHORT = {"type": "ephemeral"}
KEPT = {"type": "ephemeral", "ttl": "1h"}
THOUGHT = thought('{"type":"thinking","thinking":"Hm.","signature":"c2ln"}')
LONG_TOOL = replace(TOOL, description=LONG)


def sent(*items: Item, model: str = MODEL, profile: Any = ANTHROPIC, **more: Any) -> dict[str, Any]:
    return to_upstream(ask(*items, model=model, **more), profile)


def marks(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return where the marks of a body are, and what they say, in its order."""
    system = body.get("system", [])
    blocks = [(f"tools.{n}", tool) for n, tool in enumerate(body.get("tools", ()))]
    if not isinstance(system, str):
        blocks += [(f"system.{n}", block) for n, block in enumerate(system)]
    for number, turn in enumerate(body["messages"]):
        blocks += [(f"{number}.{n}", block) for n, block in enumerate(turn["content"])]
    return [(place, block["cache_control"]) for place, block in blocks if "cache_control" in block]


def places(body: dict[str, Any]) -> list[str]:
    return [place for place, _ in marks(body)]


def ending(text: str, ttl: str | None = None) -> InputText:
    """Return a text with a breakpoint."""
    return InputText(text, CacheBreakpoint(ttl))


def test_tools_system_and_the_last_two_user_turns_are_marked() -> None:
    body = sent(
        said("One"), said("A", "assistant"), said("Two"), said("B", "assistant"), said("Three"),
        instructions=LONG, tools=(TOOL, LONG_TOOL),
    )  # fmt: skip
    assert marks(body) == [("tools.1", SHORT), ("system.0", SHORT), ("2.0", SHORT), ("4.0", SHORT)]


def test_a_long_system_message_is_marked_and_the_only_user_turn() -> None:
    body = sent(said(LONG, "system"), said("Hi"))
    assert body["system"] == [{"type": "text", "text": LONG, "cache_control": SHORT}]
    assert places(body) == ["system.0", "0.0"]


def test_nothing_is_marked_for_a_server_that_is_not_known_to_cache() -> None:
    body = sent(said(LONG, "system"), said("Hi"), profile=PLAIN)
    assert body["system"] == LONG
    assert places(body) == []


def test_a_short_prompt_is_not_marked() -> None:
    body = sent(instructions="Be brief.", tools=(TOOL,))
    assert body["system"] == "Be brief."
    assert places(body) == []


def test_what_is_too_short_by_itself_is_not_marked_before_what_makes_it_long_enough() -> None:
    body = sent(
        said("One"), said("A", "assistant"), said(LONG), instructions="Be brief.", tools=(TOOL,)
    )
    assert body["system"] == "Be brief."
    assert places(body) == ["2.0"]


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-3-5-haiku-20241022", 2048), ("claude-3-7-sonnet-latest", 1024),
        ("claude-opus-4-20250514", 1024), ("claude-opus-4-1", 1024), ("claude-sonnet-4-5", 1024),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 4096), ("claude-opus-4.6", 4096),
        ("claude-opus-4-7", 2048), ("claude-opus-4-8", 1024), ("claude-haiku-4-5", 4096),
        ("claude-haiku-5-5", 512), ("claude-sonnet-5", 1024), ("claude-sonnet-5-5", 512),
        ("claude-opus-5", 512), ("claude-fable-5-1", 512), ("claude-mythos-preview", 2048),
        ("claude-next", 512), ("MiniMax-M2", 1024),
    ],
)  # fmt: skip
def test_a_prefix_must_be_as_long_as_its_model_wants_it(model: str, least: int) -> None:
    assert least_cached_tokens(model) == least
    assert places(sent(model=model, instructions="a" * (3 * least))) == ["system.0", "0.0"]
    assert places(sent(said("b"), model=model, instructions="a" * (3 * least - 9))) == []


def test_characters_of_other_scripts_count_for_more() -> None:
    assert places(sent(instructions="長" * 1024)) == ["system.0", "0.0"]


def test_what_the_last_user_turn_ends_with_is_marked() -> None:
    image = InputImage(image_url="https://example.com/a.png")
    assert places(sent(shown(InputText("a"), image), instructions=LONG)) == ["system.0", "0.1"]


def test_a_tool_result_is_marked_and_no_thought() -> None:
    body = sent(said("One"), THOUGHT, called(), answered("12"), instructions=LONG, tools=(TOOL,))
    assert places(body) == ["system.0", "0.0", "2.0"]
    assert body["messages"][2]["content"][0]["content"] == "12"


@pytest.mark.parametrize("empty", ["", ()])
def test_an_empty_tool_result_is_not_marked(empty: Any) -> None:
    body = sent(said("One"), called(), answered(empty), instructions=LONG, tools=(TOOL,))
    assert places(body) == ["system.0", "0.0"]


def test_a_turn_that_is_made_up_is_not_marked() -> None:
    body = sent(said("One"), said("A", "assistant"), instructions=LONG, model="claude-opus-5")
    assert body["messages"][-1]["content"] == [{"type": "text", "text": GO_ON}]
    assert places(body) == ["system.0", "0.0"]


def test_the_prefix_of_a_turn_is_the_same_in_the_next_turn_and_in_a_fork() -> None:
    first = [said("One"), THOUGHT, called(), answered("12"), said("A", "assistant"), said("Two")]
    settings: dict[str, Any] = {"instructions": LONG, "tools": (TOOL,)}
    for then in ([said("B", "assistant"), said("Three")], [said("C", "assistant"), said("Fork")]):
        before, after = sent(*first, **settings), sent(*first, *then, **settings)
        for body in (before, after):
            _strip(body["messages"])
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert after["system"] == before["system"]


def _strip(turns: list[dict[str, Any]]) -> None:
    for turn in turns:
        for block in turn["content"]:
            block.pop("cache_control", None)


# Breakpoints of the caller's


def test_a_breakpoint_takes_the_place_of_all_marks_but_the_last() -> None:
    body = sent(shown(ending("a"), InputText("b")), instructions=LONG, tools=(LONG_TOOL,))
    assert places(body) == ["0.0", "0.1"]
    assert body["system"] == LONG


def test_in_explicit_mode_there_are_no_other_marks() -> None:
    explicit = CacheOptions("explicit")
    body = sent(
        shown(ending("a"), InputText("b")), instructions=LONG, prompt_cache_options=explicit
    )
    assert marks(body) == [("0.0", SHORT)]
    assert places(sent(instructions=LONG, prompt_cache_options=explicit)) == []


@pytest.mark.parametrize(("mode", "kept"), [("implicit", 3), ("explicit", 4)])
def test_only_the_latest_breakpoints_are_kept(mode: str, kept: int) -> None:
    parts: list[InputPart] = [ending(f"part {n}") for n in range(6)]
    body = sent(shown(*parts, InputText(LONG)), prompt_cache_options=CacheOptions(mode))
    last = ["0.6"] if mode == "implicit" else []
    assert places(body) == [f"0.{n}" for n in range(6 - kept, 6)] + last


def test_a_breakpoint_at_the_very_end_is_one_mark() -> None:
    parts: list[InputPart] = [ending(LONG) for _ in range(6)]
    assert places(sent(shown(*parts))) == ["0.2", "0.3", "0.4", "0.5"]


def test_a_breakpoint_within_the_system_messages_divides_them() -> None:
    leading = Message("m", "system", (ending("Rules."), InputText("Today is Monday.")))
    body = sent(leading, said("Hi"), instructions="Be brief.")
    assert body["system"] == [
        {"type": "text", "text": "Be brief.\n\nRules.", "cache_control": SHORT},
        {"type": "text", "text": "\n\nToday is Monday."},
    ]


def test_where_nothing_is_marked_breakpoints_change_nothing() -> None:
    def items(point: CacheBreakpoint | None) -> list[Item]:
        return [
            Message("m", "system", (InputText("Rules.", point), InputText("More."))),
            shown(InputText("a", point), InputText("b")),
            called(),
            answered((InputText("12", point),)),
        ]

    settings: dict[str, Any] = {"tools": (TOOL,), "profile": PLAIN, "instructions": "Be brief."}
    assert sent(*items(CacheBreakpoint("1h")), **settings) == sent(*items(None), **settings)


def test_a_breakpoint_inside_a_tool_result_is_at_its_end() -> None:
    output = (ending("1", "5m"), InputImage(image_url="https://example.com/a.png"))
    body = sent(said("One"), called(), answered(output), tools=(TOOL,))
    assert places(body) == ["2.0"]
    content = body["messages"][2]["content"][0]["content"]
    assert [block.keys() & {"cache_control"} for block in content] == [set(), set()]


@pytest.mark.parametrize(("before", "where"), [((InputText("a"),), ["0.0"]), ((), [])])
def test_a_breakpoint_on_a_blank_part_is_at_the_end_of_what_stands_before_it(
    before: tuple[InputPart, ...], where: list[str]
) -> None:
    parts = (*before, ending("  "), InputText("b"))
    explicit = CacheOptions("explicit")
    assert places(sent(shown(*parts), prompt_cache_options=explicit)) == where


@pytest.mark.parametrize(
    ("ttl", "mark"),
    [(None, SHORT), ("5m", SHORT), ("30m", KEPT), ("1h", KEPT), ("12h", KEPT)],
)
def test_a_lifetime_is_the_one_that_the_server_has(ttl: str | None, mark: dict[str, Any]) -> None:
    options = CacheOptions("implicit", ttl)
    body = sent(instructions=LONG, prompt_cache_options=options)
    assert marks(body) == [("system.0", mark), ("0.0", mark)]
    assert marks(sent(shown(ending("a", ttl)))) == [("0.0", mark)]


def test_what_is_kept_for_long_stands_after_nothing_that_is_not() -> None:
    parts = (ending("a"), ending("b", "1h"), ending("c", "5m"))
    explicit = CacheOptions("explicit")
    body = sent(shown(*parts), prompt_cache_options=explicit)
    assert marks(body) == [("0.0", KEPT), ("0.1", KEPT), ("0.2", SHORT)]


def test_what_is_said_of_the_cache_is_named_where_the_server_has_none() -> None:
    request = replace(ask(prompt_cache_options=CacheOptions()), has_cache_breakpoints=True)
    assert ignored(request, ANTHROPIC) == ()
    assert ignored(request, PLAIN) == ("prompt_cache_options", "input.prompt_cache_breakpoint")
