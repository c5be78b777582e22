"""docs/mistakes.md, made of the table of mistakes and of what the gateway answers to each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tests.compat.gateway import Gateway
from tests.compat.mistakes import JSON, KEY, MISTAKES, Mistake
from tests.processes import ROOT

PAGE = ROOT / "docs" / "mistakes.md"
_LONGEST = 120
_INTRODUCTION = """\
# Common mistakes

Requests from users of other APIs, each with the gateway's answer. You can rely on
its status, `code` and `param`, but not on the wording. `make compat` writes this page from
`tests/compat/mistakes.py`, and a test compares both with the gateway's answers. Where no path is
named, the request is `POST /v1/responses`, with `"model": "local/echo"` and an input besides the
fields shown.

A TLS handshake on the gateway's plain port ends the connection, and the log says what to do: the
gateway speaks `http://`, and a proxy in front of it speaks TLS.
"""


def answer(gateway: Gateway, mistake: Mistake) -> Any:
    """Return what the gateway answers."""
    return gateway.client.open(
        mistake.path,
        method=mistake.method,
        data=mistake.data,
        content_type=mistake.content_type,
        headers={name: value.replace(KEY, gateway.key) for name, value in mistake.headers.items()},
    )


def text(gateway: Gateway) -> str:
    """Return the whole page."""
    gateway.call("GET", "/v1/models")  # whoever looks for a name has it listed
    return "\n".join((_INTRODUCTION, *_tables(gateway), ""))


def _tables(gateway: Gateway) -> Iterator[str]:
    for number, (group, each) in enumerate(groupby(MISTAKES, lambda mistake: mistake.group)):
        yield "\n" * bool(number) + f"## {group}\n"
        yield "| mistake | request | status, code | param | message |"
        yield "|---|---|---|---|---|"
        for mistake in each:
            reply = answer(gateway, mistake)
            error = reply.get_json()["error"]
            code = f" `{error['code']}`" if error["code"] else ""
            param = f"`{error['param']}`" if error["param"] else ""
            cells = (mistake.name, f"`{_sent(mistake)}`", f"{reply.status_code}{code}", param)
            yield f"| {' | '.join(map(_cell, (*cells, error['message'])))} |"


def _sent(mistake: Mistake) -> str:
    """Return what matters of a request."""
    if mistake.status in (404, 405) and mistake.param is None:
        return f"{mistake.method} {mistake.path}"
    if mistake.status == 401:
        named = [f"{name}: {value}" for name, value in mistake.headers.items()]
        return ", ".join(named) or "no header"
    form = "" if mistake.content_type == JSON else f"Content-Type: {mistake.content_type}, "
    body = mistake.data.decode()
    usual = '"model":"local/echo","input":"Hi",'
    body = body.replace(usual, "").replace('"model":"local/echo",', "")
    return (form + body)[:_LONGEST] or "no body"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
