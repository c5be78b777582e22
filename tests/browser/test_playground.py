"""The playground: what is sent, and how the answer comes."""

from __future__ import annotations

import json
import shlex

from tests.browser.console import Console, Visit

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0"
    "000003010100c9fe92ef0000000049454e44ae426082"
)


def test_an_answer_is_seen_while_it_comes(console: Console) -> None:
    console.ask("one two three four five six seven eight nine ten", model="slow")
    answer = console.turns.last.locator(".items").last
    answer.get_by_text("one two").wait_for()
    assert "ten" not in answer.inner_text()
    assert answer.get_attribute("aria-busy") == "true"
    console.wait_for_end()
    assert "one two three four five six seven eight nine ten" in answer.inner_text()
    assert answer.get_attribute("aria-busy") == "false"


def test_events_are_listed_with_their_json(console: Console) -> None:
    console.ask("hello there")
    console.wait_for_end()
    console.page.get_by_text("Events: ").click()
    console.page.get_by_text("response.created", exact=False).first.click()
    shown = json.loads(console.page.locator(".events pre").first.inner_text())
    assert shown["type"] == "response.created"
    console.page.get_by_text("response.completed", exact=False).wait_for()


def test_an_answer_can_be_stopped_and_is_kept_as_far_as_it_came(
    console: Console, visit: Visit
) -> None:
    console.ask("word " * 100, model="slow")
    console.turns.last.get_by_text("word word").wait_for()
    console.page.get_by_role("button", name="Stop", exact=True).click()
    console.page.get_by_text("Stopped.").first.wait_for()
    console.page.get_by_role("button", name="Send", exact=True, disabled=False).wait_for()


def test_a_conversation_goes_on_from_turn_to_turn(console: Console, visit: Visit) -> None:
    console.ask("first")
    console.wait_for_end()
    first = console.page.get_by_label("Continues").input_value()
    console.ask("second")
    console.page.locator("#turns .turn:nth-child(2) footer .badge").wait_for()
    second = console.page.get_by_label("Continues").input_value()
    assert visit.call("GET", f"/v1/responses/{second}")["previous_response_id"] == first


def test_the_form_becomes_a_request(console: Console, visit: Visit) -> None:
    page = console.page
    page.get_by_label("Instructions").fill("Be brief")
    page.get_by_text("Function tools").click()
    page.locator("#ask-tools").get_by_role("button", name="Put in an example").click()
    page.get_by_text("Reasoning, limits and storage").click()
    page.get_by_label("Reasoning summary").select_option("auto")
    page.get_by_label("Most output tokens").fill("50")
    page.get_by_label("Metadata").first.fill("team=blue\nnote=a=b")
    page.get_by_label("Tool choice").select_option("none")
    page.get_by_label("Choose files").set_input_files(
        {"name": "dot.png", "mimeType": "image/png", "buffer": PIXEL}
    )
    page.get_by_role("button", name="Remove dot.png").wait_for()
    console.ask("What is this?")
    console.wait_for_end()
    made = visit.call("GET", f"/v1/responses/{page.get_by_label('Continues').input_value()}")
    assert made["instructions"] == "Be brief"
    assert made["tools"][0]["name"] == "get_weather"
    assert made["tool_choice"] == "none"
    assert made["max_output_tokens"] == 50
    assert made["metadata"] == {"team": "blue", "note": "a=b"}
    assert "[image]" in made["output_text"]
    decoded = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator("#turns img").evaluate(decoded) == 1


def test_structured_output_is_asked_for(console: Console) -> None:
    console.page.get_by_text("Structured output").click()
    console.page.locator("#ask-format").get_by_role("button", name="Put in an example").click()
    console.ask("steps, please")
    console.wait_for_end()
    assert set(json.loads(console.turns.last.locator(".item.model .prose").inner_text())) == {
        "title",
        "steps",
    }


def test_a_call_is_answered_by_hand(console: Console) -> None:
    console.page.get_by_text("Function tools").click()
    console.page.locator("#ask-tools").get_by_role("button", name="Put in an example").click()
    console.page.get_by_label("Tool choice").select_option("required")
    console.ask("How is the weather?")
    console.wait_for_end()
    console.page.get_by_label("Output of get_weather").fill("sunny, 21 degrees")
    console.page.get_by_label("Tool choice").select_option("")
    console.page.get_by_role("button", name="Send the outputs").click()
    console.turns.nth(1).locator(".item.model").get_by_text("sunny, 21 degrees").wait_for()


def test_one_in_the_background_is_followed(console: Console) -> None:
    console.page.get_by_text("Reasoning, limits and storage").click()
    console.page.get_by_label("Answer in the background").check()
    console.ask("from the worker")
    console.wait_for_end()
    assert "from the worker" in console.turns.last.locator(".item.model").inner_text()


def test_the_request_is_shown_as_code_without_the_key(console: Console, visit: Visit) -> None:
    page = console.page
    page.get_by_label("Message", exact=True).fill('it\'s a "test"\nof two lines')
    curl = page.locator("#code").inner_text()
    words = shlex.split(curl.replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    assert body["input"] == 'it\'s a "test"\nof two lines'
    assert words[words.index("-H") + 1] == "Authorization: Bearer $API_KEY"
    page.get_by_role("button", name="Python", exact=True).click()
    python = page.locator("#code").inner_text()
    compile(python, "snippet", "exec")
    assert "stream=True" in python
    page.get_by_role("button", name="JSON", exact=True).click()
    assert json.loads(page.locator("#code").inner_text()) == body
    assert visit.secret not in curl + python


def test_what_cannot_be_sent_is_said_at_its_field(console: Console) -> None:
    page = console.page
    page.get_by_text("Function tools").click()
    for label, text, words in (
        ("Tools, a JSON array", "[nope", "cannot be read as JSON"),
        ("Message", "", "Write a message"),
        ("Model", "", "Name a model"),
    ):
        page.get_by_label("Message", exact=True).fill("hello")
        field = page.get_by_label(label, exact=True)
        field.fill(text)
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_role("alert").filter(has_text=words).wait_for()
        field.and_(page.locator(":focus")).wait_for()
        assert field.get_attribute("aria-invalid") == "true"
        page.get_by_label("Tools, a JSON array").fill("")


def test_a_refusal_is_shown_in_the_gateways_words(console: Console) -> None:
    console.ask("hello", model="nobody/nothing")
    console.page.get_by_role("alert").filter(has_text="nobody/nothing").wait_for()
    console.page.get_by_role("alert").get_by_role("link").wait_for()


def test_what_went_wrong_is_in_sight(console: Console) -> None:
    page = console.page
    page.set_viewport_size({"width": 1000, "height": 500})
    console.ask("hello " * 100, model="nobody/nothing")
    alert = page.get_by_role("alert").filter(has_text="nobody/nothing")
    alert.wait_for()
    page.get_by_text("The request was refused.").wait_for()
    assert alert.evaluate("each => each.getBoundingClientRect().bottom <= innerHeight")


def test_a_connection_that_is_lost_is_no_refusal(console: Console) -> None:
    console.page.route("**/v1/responses", lambda route: route.abort())
    console.ask("hello")
    console.page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    console.page.get_by_text("No answer came, or not the whole of it.").wait_for()
