"""The console as somebody uses it: by the labels and names of what is on the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.gateway import Gateway

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Request


class Console:
    """A page. `faults` are what it did that it never may: errors, dialogs, calls elsewhere."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._opened)
        page.on("console", self._heard)
        page.on("request", self._called)

    def _opened(self, dialog: Dialog) -> None:
        self.faults.append("dialog")
        dialog.dismiss()

    def _heard(self, message: ConsoleMessage) -> None:
        # Chromium writes every status of 400 and above; those the page shows itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _called(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.faults.append(f"called {request.url}")

    def open(self, view: str = "") -> None:
        """Load the page anew, at a view."""
        self.page.goto(f"{self.url}/console{view and '#/' + view}")

    def sign_in(self, secret: str) -> None:
        """Paste a key."""
        self.page.get_by_label("API key").fill(secret)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation", name="Console").wait_for()

    def go(self, view: str) -> None:
        """Follow a link of the navigation."""
        nav = self.page.get_by_role("navigation", name="Console")
        nav.get_by_role("link", name=view, exact=True).click()
        self.page.get_by_role("heading", name=view, level=1, exact=True).wait_for()

    def look_at(self, address: str) -> None:
        """Go to what an address names, as a link would."""
        self.page.evaluate("address => { location.hash = address }", address)

    def ask(self, message: str, model: str = "local/echo") -> None:
        """Send a message from the playground."""
        self.page.get_by_label("Model", exact=True).fill(model)
        self.page.get_by_label("Message", exact=True).fill(message)
        self.page.get_by_role("button", name="Send", exact=True).click()

    def wait_for_end(self, word: str = "completed") -> None:
        """Return once the answer has ended so; at another end fail at once, with its words."""
        end = self.page.get_by_text(f"The answer is {word}.")
        alert = self.page.get_by_role("alert")
        end.or_(alert).first.wait_for()
        assert end.is_visible(), alert.all_inner_texts()

    @property
    def turns(self) -> Locator:
        """The turns in the playground."""
        return self.page.locator("#turns .turn")

    def view(self, name: str) -> Locator:
        """A view, by its name in addresses."""
        return self.page.locator(f"#view-{name}")


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody with a key, before the sign-in."""

    console: Console
    gateway: Gateway
    key_id: str
    secret: str = field(repr=False)

    def create(self, **body: Any) -> dict[str, Any]:
        """Make a response by the API, with the same key."""
        return self.call("POST", "/v1/responses", {"model": "local/echo", "input": "Hi"} | body)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API, with the same key."""
        answer = self.gateway.call(method, path, body, key=self.secret)
        assert answer.status_code in (200, 202), answer.text
        shown: dict[str, Any] = answer.json()
        return shown
