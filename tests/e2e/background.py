"""Background responses as a client sees them: queued, polled, followed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import requests

from app.stream_check.checker import check_stream
from tests.e2e.gateway import Gateway
from tests.e2e.wire import Event, RawCall, parsed
from tests.processes import until
from tests.upstream.script import Script

WAIT_S = 15


def queued(gateway: Gateway, script: Script | str, **more: Any) -> str:
    """Ask for a response in the background and return its id."""
    text = script.text() if isinstance(script, Script) else script
    body = {"model": "steady", "input": text, "background": True} | more
    answer = gateway.call("POST", "/v1/responses", body)
    assert answer.status_code == 202, answer.text
    response_id: str = answer.json()["id"]
    return response_id


def shown(gateway: Gateway, response_id: str) -> dict[str, Any]:
    """Return what GET shows now."""
    answer = gateway.get(response_id)
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


def ended(gateway: Gateway, response_id: str) -> dict[str, Any]:
    """Return the response once it has ended."""
    answers: list[requests.Response] = []

    def is_over() -> bool:
        answers.append(gateway.call("GET", f"/v1/responses/{response_id}?wait={WAIT_S}"))
        assert answers[-1].status_code == 200, answers[-1].text
        return answers[-1].json()["status"] not in ("queued", "in_progress")

    until(is_over, f"{response_id} to end")
    response: dict[str, Any] = answers[-1].json()
    return response


def spoken(gateway: Gateway, response_id: str, text: str) -> dict[str, Any]:
    """Return the response once it runs and has said exactly this."""
    until(
        lambda: shown(gateway, response_id)["output_text"] == text, f"{response_id} to say {text!r}"
    )
    return shown(gateway, response_id)


def cancel(gateway: Gateway, response_id: str) -> dict[str, Any]:
    """Cancel and return the response."""
    answer = gateway.call("POST", f"/v1/responses/{response_id}/cancel")
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


def events_of(gateway: Gateway, response_id: str, starting_after: int | None = None) -> list[Event]:
    """Follow a response to its end and return its events, which have to be well-formed."""
    rest = "" if starting_after is None else f"&starting_after={starting_after}"
    answer = gateway.call("GET", f"/v1/responses/{response_id}?stream=true{rest}")
    assert answer.status_code == 200, answer.text
    return checked(answer.content, 0 if starting_after is None else starting_after + 1)


def checked(body: bytes, first_number: int = 0) -> list[Event]:
    """Return the events of a stream that has ended, which has to be well-formed."""
    check_stream(body.splitlines(keepends=True), first_number=first_number)
    return [event for frame in body.split(b"\n\n") if (event := parsed(frame))]


@contextlib.contextmanager
def following(gateway: Gateway, response_id: str) -> Iterator[RawCall]:
    """Follow a response as it comes, and hang up when the block is left."""
    head = (
        f"GET /v1/responses/{response_id}?stream=true HTTP/1.1\r\nHost: gateway\r\n"
        f"Authorization: Bearer {gateway.keys.own}\r\n\r\n"
    )
    call = RawCall(gateway.url, head.encode())
    try:
        yield call
    finally:
        call.close()
