"""Texts of unusual form, and answers that are not the gateway's, as the console shows them."""

from __future__ import annotations

from tests.browser.console import Console, Visit

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
