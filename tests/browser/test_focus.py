"""Where the focus is after something has happened: never lost, never hidden."""

from __future__ import annotations

from tests.browser.console import Console, Visit

#: The focused element: its top and bottom, and the bottom of the bar that stays at the top.
_PLACE = """() => {
  const { top, bottom } = document.activeElement.getBoundingClientRect();
  return [top, bottom, document.querySelector(".top").getBoundingClientRect().bottom];
}"""


def test_after_the_sign_in_it_is_at_the_heading(console: Console) -> None:
    console.page.locator("#title-playground:focus").wait_for()


def test_a_thing_that_is_opened_takes_it_and_names_the_page(console: Console, visit: Visit) -> None:
    made = visit.create()["id"]
    conversation = visit.call("POST", "/v1/conversations", {})["id"]
    console.go("Responses")
    console.page.get_by_role("link", name=made).press("Enter")
    console.page.locator("h2:focus", has_text=made).wait_for()
    assert console.page.title().startswith(f"{made} · Responses · ")
    console.go("Conversations")
    console.page.get_by_role("link", name=conversation).press("Enter")
    console.page.locator("h2:focus", has_text=conversation).wait_for()


def test_of_more_rows_the_first_takes_it(console: Console, visit: Visit) -> None:
    for number in range(27):
        visit.create(input=f"number {number}")
    console.go("Responses")
    more = console.page.get_by_role("button", name="Show more")
    more.press("Enter")
    console.page.get_by_text("27 shown.").wait_for()
    focused = console.page.locator("#responses-list tbody tr").nth(25).locator("a:focus")
    focused.wait_for()


def test_more_that_fails_takes_nothing_away_and_can_be_asked_for_again(
    console: Console, visit: Visit
) -> None:
    page = console.page
    for number in range(27):
        visit.create(input=f"number {number}")
    console.go("Responses")
    more = page.get_by_role("button", name="Show more")
    page.route("**/console/api/responses?*after=*", lambda route: route.abort())
    more.press("Enter")
    alert = page.get_by_role("alert").filter(has_text="cannot be reached")
    alert.wait_for()
    assert console.view("responses").get_by_role("row").count() == 26
    page.locator("button:focus", has_text="Show more").wait_for()
    page.unroute("**/console/api/responses?*after=*")
    page.keyboard.press("Enter")
    page.get_by_text("27 shown.").wait_for()
    alert.get_by_role("button", name="Dismiss").click()
    alert.wait_for(state="detached")


def test_more_input_that_fails_can_be_asked_for_again(console: Console, visit: Visit) -> None:
    page = console.page
    items = [{"role": "user", "content": f"item {number}"} for number in range(120)]
    made = visit.create(input=items)["id"]
    console.look_at(f"#/responses/{made}")
    page.route("**/input_items?*after=*", lambda route: route.abort())
    more = page.get_by_role("button", name="Show more input")
    more.press("Enter")
    page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    page.unroute("**/input_items?*after=*")
    more.press("Enter")
    page.locator("ol:focus", has_text="item 119").wait_for()


def test_it_is_never_beneath_the_bar_at_the_top(console: Console, visit: Visit) -> None:
    for number in range(25):
        visit.create(input=f"number {number}")
    page = console.page
    page.set_viewport_size({"width": 1100, "height": 420})
    console.go("Responses")
    links = console.view("responses").locator("tbody a")
    links.last.focus()
    for _ in range(24):
        page.keyboard.press("Shift+Tab")
        top, bottom, edge = page.evaluate(_PLACE)
        assert top >= edge - 1, (top, bottom, edge)


def test_a_job_that_is_gone_leaves_it_to_the_heading(console: Console, visit: Visit) -> None:
    page = console.page
    job = visit.create(model="slow", input="word " * 200, background=True)["id"]
    console.go("Background jobs")
    page.get_by_role("button", name=f"Cancel {job}").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").press("Enter")
    page.get_by_text("Nothing waits or runs.").wait_for()
    page.locator("#title-jobs:focus").wait_for()
