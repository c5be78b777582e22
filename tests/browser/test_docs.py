"""The documentation and the page that tries the API, in a real browser: nothing is refused there.

`visit` fails where the browser complains, a policy is broken or anything elsewhere is called.
"""

from __future__ import annotations

import json

import pytest

from tests.browser.axe_check import findings
from tests.browser.console import Visit

#: What axe advises beside WCAG, of the theme's landmarks and of tables without headings.
ADVICE = ("region:", "landmark-unique:", "empty-table-header:")
CREATE = "#operations-Responses-createResponse"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_anybody_on_a_phone_too(visit: Visit, scheme: str) -> None:
    page = visit.console.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "configuration.html", "a/b/nothing"):
        page.goto(f"{visit.console.url}/docs/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [each for each in findings(page) if not each.startswith(ADVICE)] == []


def test_the_search_finds_a_page_without_a_network(visit: Visit) -> None:
    page = visit.console.page
    page.goto(f"{visit.console.url}/docs/")
    page.get_by_placeholder("Search").fill("webhook secret")
    page.get_by_placeholder("Search").press("Enter")
    page.locator("#search-results li a", has_text="Webhooks").first.wait_for()


def test_a_stream_is_shown_while_it_comes(visit: Visit) -> None:
    page = visit.console.page
    page.set_default_timeout(60_000)  # an operation with all of its schemas takes seconds to draw
    page.goto(f"{visit.console.url}/docs/api")
    page.get_by_label("API key").fill(visit.secret)
    page.locator(f"{CREATE} .opblock-summary-control").click()
    body = {"model": "slow", "input": "one two three four five six", "stream": True}
    page.locator(f"{CREATE} textarea").first.fill(json.dumps(body))
    page.locator(f"{CREATE} button.execute").click()
    page.locator("#live-text", has_text="one two").wait_for()
    assert "six" not in page.locator("#live-text").inner_text()
    page.locator("#live-events", has_text="[DONE]").wait_for()
    assert page.locator("#live-text").inner_text() == "one two three four five six"
    assert visit.secret not in page.content()
