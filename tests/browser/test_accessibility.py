"""The console without a mouse, with a screen reader, in the dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.axe_check import findings
from tests.browser.console import Console, Visit

WIDE, NARROWEST = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@pytest.fixture
def stored(visit: Visit) -> dict[str, str]:
    """Something for every view to show."""
    conversation = visit.call("POST", "/v1/conversations", {"metadata": {"topic": "gardens"}})["id"]
    visit.create(input="roses", conversation=conversation)
    root = visit.create(
        model="priced", input="root", metadata={"team": "blue"}, instructions="Be brief"
    )["id"]
    for each in ("left", "right"):
        visit.create(input=each, previous_response_id=root, reasoning={"summary": "auto"})
    visit.create(model="slow", input="word " * 300, background=True)
    return {"id": root, "conversation": conversation}


def views(console: Console, stored: dict[str, str]) -> Iterator[str]:
    """Show each view, with something in it."""
    console.ask("hello")
    console.wait_for_end()
    for details in console.view("playground").locator("form details > summary").all():
        details.click()
    console.page.get_by_text("Events: ").click()
    yield "playground"
    for address, seen in (
        ("responses", stored["id"]),
        (f"responses/{stored['id']}", "Instructions"),
        ("conversations", stored["conversation"]),
        (f"conversations/{stored['conversation']}", "roses"),
        (f"conversations/{stored['id']}", "Fork: 2 ways to go on"),
        ("jobs", "running"),
        ("requests", "background answer"),
        ("usage", "priced"),
    ):
        console.look_at(f"#/{address}")
        view = console.view(address.partition("/")[0])
        if address != "requests":  # what runs is not logged yet
            view.get_by_text(seen, exact=False).locator("visible=true").first.wait_for()
        yield address


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", WIDE), ("dark", NARROWEST)], ids=["light", "dark and narrow"]
)
def test_axe_finds_nothing_in_any_view(
    console: Console, stored: dict[str, str], scheme: str, size: dict[str, int]
) -> None:
    page = console.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]
    found = {address: findings(page) for address in views(console, stored)}
    assert {address: each for address, each in found.items() if each} == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_the_sign_in(visit: Visit, scheme: str) -> None:
    page = visit.console.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visit.console.open()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert findings(page) == []


def test_light_and_dark_are_the_systems_or_as_chosen(console: Console) -> None:
    page = console.page

    def background() -> str:
        shown: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return shown

    page.emulate_media(color_scheme="light")
    light = background()
    page.emulate_media(color_scheme="dark")
    dark = background()
    assert light != dark
    page.locator(".top .theme-choice").select_option("light")
    assert background() == light
    page.reload()
    assert background() == light


def test_what_is_chosen_is_seen_in_the_systems_own_colours_too(console: Console) -> None:
    page = console.page
    page.emulate_media(forced_colors="active")

    def colours(name: str) -> str:
        button = page.get_by_role("button", name=name, exact=True)
        seen: str = button.evaluate("each => getComputedStyle(each).backgroundColor")
        return seen

    assert colours("curl") != colours("Python")


def test_all_is_reached_by_the_keyboard(visit: Visit) -> None:
    console, page = visit.console, visit.console.page
    console.open()
    page.keyboard.type(visit.secret)  # the key's field has the focus
    page.keyboard.press("Enter")
    page.get_by_role("navigation", name="Console").wait_for()
    page.reload()
    page.get_by_role("navigation", name="Console").wait_for()
    page.keyboard.press("Tab")
    page.locator(".skip:focus").wait_for()
    page.keyboard.press("Enter")
    page.locator("#main:focus").wait_for()
    page.keyboard.press("Tab")
    page.locator("#model:focus").wait_for()
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Control+Enter")
    console.wait_for_end()
    unreachable: list[str] = page.evaluate(
        """() => {
          const all = 'a, button, input, select, textarea, summary, pre[tabindex]'
          const able = [...document.querySelectorAll(all)]
            .filter(each => each.checkVisibility() && !each.disabled)
          return able.filter(each => (each.focus(), document.activeElement !== each))
            .map(each => each.outerHTML)
        }"""
    )
    assert unreachable == []


def test_a_dialog_gives_the_focus_back(console: Console, visit: Visit) -> None:
    made = visit.create()["id"]
    console.look_at(f"#/responses/{made}")
    page = console.page
    page.get_by_role("button", name="Delete", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.locator("#confirm-no:focus").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.locator("button:focus", has_text="Delete").wait_for()


def test_another_view_is_told_to_a_screen_reader(console: Console) -> None:
    console.go("Usage and cost")
    console.page.locator("#title-usage:focus").wait_for()
    assert console.page.title().startswith("Usage and cost")
    link = console.page.get_by_role("navigation").get_by_role("link", name="Usage and cost")
    assert link.get_attribute("aria-current") == "page"
