"""The key: where it is kept, and what happens when it is no longer one."""

from __future__ import annotations

from dataclasses import replace

from app.services.accounts.service import Accounts
from tests.browser.console import Console, Visit


def test_a_key_is_in_the_tab_alone(visit: Visit) -> None:
    console, page = visit.console, visit.console.page
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    console.open("responses")
    console.sign_in(visit.secret)
    console.go("Playground")
    console.ask("hello")
    console.wait_for_end()
    assert [url for url in urls if visit.secret in url] == []
    assert page.context.cookies() == []
    assert visit.secret not in page.evaluate("JSON.stringify(localStorage)")
    assert visit.secret not in page.content()
    assert visit.secret not in page.locator("#code").inner_text()
    assert page.get_by_label("API key").input_value() == ""
    page.reload()
    page.get_by_role("navigation", name="Console").wait_for()  # the tab knows it still
    another = page.context.new_page()
    another.goto(f"{console.url}/console")
    another.get_by_role("button", name="Sign in").wait_for()  # another tab does not


def test_what_is_no_key_is_refused_with_words(visit: Visit) -> None:
    visit.console.open()
    page = visit.console.page
    for given, words in (("", "Paste a key"), ("söme", "letters, digits"), ("sk-none", "key")):
        page.get_by_label("API key").fill(given)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").filter(has_text=words).wait_for()
        assert page.get_by_role("navigation", name="Console").count() == 0


def test_what_is_encrypted_is_shown_to_who_has_its_passphrase(visit: Visit) -> None:
    words = "correct horse battery"
    answer = visit.gateway.call(
        "POST",
        "/v1/responses",
        {"model": "local/echo", "input": "a sealed matter"},
        key=visit.secret,
        headers={"x-encryption-passphrase": words},
    )
    console, page = visit.console, visit.console.page
    console.open(f"responses/{answer.json()['id']}")
    console.sign_in(visit.secret)
    page.get_by_role("alert").wait_for()
    assert "a sealed matter" not in page.content()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("What I store is encrypted").click()
    page.get_by_label("Header").select_option("x-encryption-passphrase")
    page.get_by_label("Encryption key or passphrase").fill(words)
    console.sign_in(visit.secret)
    page.get_by_role("list", name="Output").get_by_text("a sealed matter").wait_for()


def test_signing_out_forgets_the_key_and_what_was_shown(console: Console) -> None:
    console.ask("a secret matter")
    console.wait_for_end()
    console.page.get_by_role("button", name="Sign out").click()
    console.page.get_by_label("API key").wait_for()
    assert "a secret matter" not in console.page.content()
    assert console.page.evaluate("sessionStorage.length") == 0


def test_a_page_loaded_while_the_gateway_is_away_keeps_the_key(console: Console) -> None:
    page = console.page
    page.route("**/console/api/session", lambda route: route.abort())
    page.reload()
    page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    again = page.get_by_role("button", name="Try again")
    again.press("Enter")
    page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    page.unroute("**/console/api/session")
    again.press("Enter")
    page.get_by_role("navigation", name="Console").wait_for()


def test_a_key_that_cannot_be_tried_is_forgotten_until_it_is_sent_again(visit: Visit) -> None:
    visit.console.open()
    page = visit.console.page
    page.route("**/console/api/session", lambda route: route.abort())
    page.get_by_label("API key").fill(visit.secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    assert page.get_by_role("button", name="Try again").count() == 0
    page.unroute("**/console/api/session")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Console").wait_for()


def test_a_revoked_key_signs_out_with_a_message(
    visit: Visit, console: Console, accounts: Accounts
) -> None:
    console.ask("a secret matter")
    console.wait_for_end()
    accounts.deactivate(visit.key_id, by="test")
    console.page.get_by_role("link", name="Background jobs").click()
    console.page.get_by_role("alert").filter(has_text="You are signed out").wait_for()
    assert "a secret matter" not in console.page.content()
    assert console.page.evaluate("sessionStorage.length") == 0


def test_a_key_that_may_only_read_is_offered_nothing_else(visit: Visit, accounts: Accounts) -> None:
    response = visit.create(input="to be read")
    accounts.change_key(
        visit.key_id,
        lambda key: replace(key, permissions=replace(key.permissions, read_only=True)),
        by="test",
    )
    visit.console.open(f"responses/{response['id']}")
    visit.console.sign_in(visit.secret)
    page = visit.console.page
    page.get_by_role("heading", name=response["id"]).wait_for()
    assert page.get_by_role("button", name="Delete", exact=True).count() == 0
    visit.console.go("Playground")
    assert page.get_by_role("button", name="Send", exact=True).is_disabled()
