"""Text that would be markup, wherever it can come from, stays text."""

from __future__ import annotations

import pytest

from tests.browser.conftest import HOSTILE_MODEL
from tests.browser.console import Console, Visit

MARKUP = '<script>alert(1)</script><img src=x onerror="alert(2)">'
VIEWS = (
    "responses",
    "responses/{id}",
    "conversations/{id}",
    "conversations/{conversation}",
    "requests/{id}",
    "usage",
)


@pytest.fixture
def stored(visit: Visit) -> dict[str, str]:
    """A response with markup in all that a caller may choose."""
    conversation = visit.call("POST", "/v1/conversations", {"metadata": {MARKUP: MARKUP}})["id"]
    made = visit.create(
        model=HOSTILE_MODEL,
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": MARKUP}]},
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "https://a.example/x.png"}],
            },
            {"type": "function_call", "name": "f", "call_id": MARKUP[:60], "arguments": MARKUP},
            {"type": "function_call_output", "call_id": MARKUP[:60], "output": MARKUP},
        ],
        instructions=MARKUP,
        metadata={MARKUP: MARKUP},
        safety_identifier="<b>user</b>",
        conversation=conversation,
    )
    return {"id": made["id"], "conversation": conversation}


def test_it_stays_text_in_every_view(
    visit: Visit, console: Console, stored: dict[str, str]
) -> None:
    page = console.page
    for view in VIEWS:
        console.look_at("#/" + view.format(**stored))
        section = console.view(view.partition("/")[0])
        # The request log has no model that could not be one: its id is there instead.
        seen = stored["id"] if view.startswith("requests") else "<"
        section.get_by_text(seen).locator("visible=true").first.wait_for()
        assert section.locator("script").count() == 0
        assert section.locator("img").count() == 0
    assert MARKUP in page.evaluate("document.querySelector('#view-responses').textContent")


def test_it_stays_text_in_the_playground(console: Console) -> None:
    page = console.page
    page.get_by_text("Function tools").click()
    page.get_by_label("Tools, a JSON array").fill(
        '[{"type": "function", "name": "<img src=x onerror=alert(3)>"}]'
    )
    console.ask(MARKUP)
    page.get_by_role("alert").filter(has_text="<img").or_(
        page.get_by_role("alert").filter(has_text="name")
    ).first.wait_for()
    page.get_by_label("Tools, a JSON array").fill("")
    console.ask(MARKUP, model=HOSTILE_MODEL)
    console.wait_for_end()
    assert console.turns.last.locator(".item.model").inner_text().endswith(MARKUP)
    assert console.turns.locator("script, img").count() == 0
    assert page.locator("#models option").all_inner_texts() is not None


def test_a_script_in_the_address_is_none(console: Console) -> None:
    console.look_at(f"#/responses/{MARKUP}")
    console.page.get_by_role("alert").first.wait_for()
    console.look_at("#/requests/javascript:alert(1)")
    console.page.get_by_text("javascript:alert(1)").first.wait_for()
    console.look_at("#/__proto__/constructor")
    console.page.get_by_role("heading", name="Playground").wait_for()


def test_the_browser_itself_refuses_what_would_be_markup(console: Console) -> None:
    refused = console.page.evaluate(
        "() => { try { document.body.innerHTML = '<p>' } catch (error) { return error.name } }"
    )
    assert refused == "TypeError"
    console.faults.clear()  # the browser has reported just that
