"""What is stored, what runs and what was used, as the console shows it."""

from __future__ import annotations

from typing import Any

from tests.browser.console import Console, Visit
from tests.processes import until


def test_a_response_is_found_read_and_deleted(console: Console, visit: Visit) -> None:
    kept = visit.create(input="keep me", metadata={"team": "blue"})["id"]
    gone = visit.create(input="delete me", metadata={"team": "red"})["id"]
    page = console.page
    console.go("Responses")
    page.get_by_role("link", name=kept).wait_for()
    console.view("responses").get_by_role("textbox", name="Metadata").fill("team=red")
    console.view("responses").get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name=kept).wait_for(state="detached")
    page.get_by_role("link", name=gone).click()
    page.get_by_role("heading", name=gone).wait_for()
    output = console.view("responses").get_by_role("list", name="Output")
    assert "delete me" in output.inner_text()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    assert visit.call("GET", f"/v1/responses/{gone}")["id"] == gone
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text(f"{gone} is deleted.").wait_for()
    page.get_by_text("No stored response is as you ask.").wait_for()
    console.look_at(f"#/responses/{gone}")
    page.get_by_role("alert").filter(has_text=gone).wait_for()


def test_a_response_is_continued_in_the_playground(console: Console, visit: Visit) -> None:
    parent = visit.create(input="the beginning", instructions="Be brief")["id"]
    console.look_at(f"#/responses/{parent}")
    console.page.get_by_role("link", name="Continue", exact=True).click()
    console.page.get_by_text(f"Goes on with {parent}.").wait_for()
    assert console.page.get_by_label("Instructions").input_value() == "Be brief"
    console.ask("and on")
    console.wait_for_end()
    made = console.page.get_by_label("Continues").input_value()
    assert visit.call("GET", f"/v1/responses/{made}")["previous_response_id"] == parent


def test_more_is_shown_a_page_at_a_time(console: Console, visit: Visit) -> None:
    for number in range(27):
        visit.create(input=f"number {number}")
    console.go("Responses")
    rows = console.view("responses").get_by_role("row")
    console.page.get_by_text("25 shown.").wait_for()
    assert rows.count() == 26
    console.page.get_by_role("button", name="Show more").click()
    console.page.get_by_text("27 shown.").wait_for()
    assert rows.count() == 28


def test_a_conversation_is_a_tree_with_its_forks(console: Console, visit: Visit) -> None:
    first = visit.create(input="first")["id"]
    second = visit.create(input="second", previous_response_id=first)["id"]
    left = visit.create(input="left", previous_response_id=second)["id"]
    right = visit.create(input="right", previous_response_id=second)["id"]
    console.look_at(f"#/responses/{left}")
    console.page.get_by_role("link", name="Tree", exact=True).click()
    ways = console.page.get_by_role("list", name="Fork: 2 ways to go on")
    ways.wait_for()
    assert {left, right} == set(ways.get_by_role("link").all_inner_texts())
    tree = console.page.locator(".tree")
    assert tree.get_by_role("link").all_inner_texts()[:2] == [first, second]
    assert left in tree.locator("[aria-current]").inner_text()
    # A fork made here is there at once.
    console.look_at(f"#/playground?from={first}")
    console.page.get_by_text(f"Goes on with {first}.").wait_for()
    console.ask("another way")
    console.wait_for_end()
    console.look_at(f"#/conversations/{first}")
    console.page.get_by_text("Fork: 2 ways to go on").nth(1).wait_for()


def test_a_conversation_is_listed_read_continued_and_deleted(
    console: Console, visit: Visit
) -> None:
    page = console.page
    made = visit.call("POST", "/v1/conversations", {"metadata": {"topic": "gardens"}})["id"]
    visit.create(input="roses", conversation=made)
    console.go("Conversations")
    console.view("conversations").get_by_role("textbox", name="Metadata").fill("topic=gardens")
    console.view("conversations").get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name=made).click()
    page.get_by_role("heading", name=made).wait_for()
    assert "roses" in page.get_by_role("list", name="Items").inner_text()
    page.get_by_role("link", name="Continue", exact=True).click()
    console.ask("tulips")
    console.wait_for_end()
    assert len(visit.call("GET", f"/v1/conversations/{made}/items")["data"]) == 4
    console.look_at(f"#/conversations/{made}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text(f"{made} is deleted.").wait_for()
    page.get_by_text("No conversation is as you ask.").wait_for()


def test_a_background_response_is_followed_live_and_cancelled(
    console: Console, visit: Visit
) -> None:
    page = console.page
    console.go("Background jobs")
    page.get_by_text("Nothing waits or runs.").wait_for()
    job = visit.create(model="slow", input="word " * 200, background=True)["id"]
    page.get_by_role("button", name=f"Follow {job}").click()
    page.locator("#job-stream").get_by_text("word word").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=f"Cancel {job}").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    page.get_by_text("The response is cancelled.").wait_for()
    page.get_by_text("Nothing waits or runs.").wait_for()
    assert visit.call("GET", f"/v1/responses/{job}")["status"] == "cancelled"


def test_a_request_is_found_by_its_id(console: Console, visit: Visit) -> None:
    answer = visit.gateway.call(
        "POST", "/v1/responses", {"model": "priced", "input": "hello"}, key=visit.secret
    )
    refused = visit.gateway.call("POST", "/v1/responses", {"model": "priced"}, key=visit.secret)
    page = console.page
    console.go("Requests")
    name = answer.headers["X-Request-ID"]
    _until_listed(console, name)
    page.get_by_label("Ended as").fill("4xx")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name=name).wait_for(state="detached")
    page.get_by_role("link", name=refused.headers["X-Request-ID"]).click()
    entry = console.view("requests").locator("dl")
    entry.get_by_text("missing_required_parameter").wait_for()
    console.look_at(f"#/requests/{name}")
    entry.get_by_text(answer.json()["id"]).wait_for()
    assert "$0.0005" in entry.inner_text()


def _until_listed(console: Console, name: str) -> None:
    """Look for a request until it is written, which takes a moment."""
    field = console.page.get_by_label("Find by id").last
    link = console.page.get_by_role("link", name=name)
    for _ in range(40):
        field.fill(name)
        console.page.get_by_role("button", name="Show", exact=True).click()
        console.page.locator("#requests-list table, #requests-list .empty").wait_for()
        if link.count():
            break
        console.page.wait_for_timeout(100)
    link.wait_for()
    field.fill("")


def _used(visit: Visit) -> list[dict[str, Any]]:
    """Return what each end user has used; a web process gathers that for a moment."""
    rows: list[dict[str, Any]] = visit.call("GET", "/v1/usage?group_by=user")["data"]
    return rows


def test_cost_is_plotted_and_told_in_a_table(console: Console, visit: Visit) -> None:
    visit.create(model="priced", input="a b c", safety_identifier="user-1")
    visit.create(model="slow", input="a", safety_identifier="user-2")
    until(lambda: len(_used(visit)) == 2, "what was used to be written")
    console.go("Usage and cost")
    view = console.view("usage")
    view.get_by_role("img").wait_for()
    assert view.locator("svg rect title").all_text_contents()[0].endswith("priced: $0.0015")
    table = view.get_by_role("table")
    assert "priced" in table.inner_text()
    assert "unknown" in table.inner_text()  # of a model without a price
    view.get_by_label("By", exact=True).select_option("user")
    view.get_by_label("Shown", exact=True).select_option("requests")
    view.get_by_text("Requests by day and end user").wait_for()
    assert set(view.locator(".legend li").all_inner_texts()) == {"user-1", "user-2"}
    view.get_by_label("By", exact=True).select_option("key")
    view.get_by_role("cell", name=visit.key_id).wait_for()
