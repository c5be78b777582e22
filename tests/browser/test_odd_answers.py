"""Texts of unusual form, and answers that are late or not the gateway's, in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.console import Console, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Route

LONG_KEY, LONG_VALUE = "k" * 60, "v" * 500
ARABIC = "مرحبا بالعالم"


def test_metadata_without_spaces_is_broken_where_the_line_ends(
    console: Console, visit: Visit
) -> None:
    made = visit.create(metadata={LONG_KEY: LONG_VALUE})["id"]
    console.look_at(f"#/responses/{made}")
    key = console.view("responses").get_by_text(LONG_KEY, exact=True)
    key.wait_for()
    lines = key.evaluate("key => key.getClientRects().length")
    assert lines <= 2
    console.go("Responses")
    chip = console.view("responses").locator("td .chip").first
    chip.wait_for()
    assert chip.evaluate("chip => chip.offsetWidth") <= 320


def test_what_is_written_from_right_to_left_is_shown_so(console: Console, visit: Visit) -> None:
    made = visit.create(input=f"{ARABIC}!\nAnd in English.")["id"]
    console.look_at(f"#/responses/{made}")
    text = console.view("responses").get_by_role("list", name="Output").get_by_text(ARABIC)
    text.wait_for()
    left = """(element, end) => {
        const range = document.createRange();
        range.setStart(element.firstChild, 0);
        range.setEnd(element.firstChild, end);
        return range.getBoundingClientRect().right - element.getBoundingClientRect().right;
    }"""
    assert abs(text.evaluate(left, len(ARABIC))) <= 2  # its first letter is at the right edge


def test_a_page_of_a_proxy_in_place_of_an_answer_is_called_that(console: Console) -> None:
    console.page.route(
        "**/console/api/jobs",
        lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Sign in</h1>"),
    )
    console.go("Background jobs")
    alert = console.view("jobs").get_by_text("The answer is not the gateway's")
    alert.wait_for()


def test_an_answer_that_comes_late_is_not_put_over_what_is_looked_at(
    console: Console, visit: Visit
) -> None:
    page, view = console.page, console.view("responses")
    late, wanted = (visit.create(input=words)["id"] for words in ("late", "wanted"))
    kept: list[Route] = []
    page.route(f"**/v1/responses/{late}", lambda route: kept.append(route))
    console.look_at(f"#/responses/{late}")
    view.get_by_text("Loading").wait_for()
    console.look_at(f"#/responses/{wanted}")
    view.get_by_role("heading", name=wanted).wait_for()
    for route in kept:
        route.continue_()
    page.wait_for_timeout(500)
    assert view.get_by_role("heading", level=2).inner_text() == wanted


def test_a_long_name_of_a_model_does_not_widen_the_page(console: Console) -> None:
    page = console.page
    name = "organisation/a-" + "very-" * 20 + "long-name"
    row = {"date": "2026-01-01", "model": name, "key_id": None, "user": None, "requests": 1}
    counts = dict.fromkeys(
        ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "errors"), 10**12
    )
    figures = row | counts | {"cost_microusd": 10**12, "unpriced_requests": 0}
    page.route(
        "**/v1/usage?*", lambda route: route.fulfill(json={"data": [figures], "total": figures})
    )
    for width in (320, 640, 760, 860, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        console.look_at("#/usage")
        console.view("usage").get_by_role("table").get_by_text(name).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
