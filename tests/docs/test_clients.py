"""docs/clients.md says which versions `make clients` runs."""

from __future__ import annotations

import json
import re

import pytest

from clients.catalog import CLIENTS, CODEX, EVERY_CLIENT, Client
from clients.codex.sessions import SESSIONS
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "clients.md").read_text()
EVERY_TABLE, TABLE, CODEX_TABLE = (
    [line for line in part.splitlines() if line.startswith("|")]
    for part in re.split("## What is run|## Codex CLI", PAGE)
)


#: What clients are written with beside the package that is tried.
HELPERS = ("zod", "ws", "websockets")
WAYS = {
    "whole": "whole",
    "streamed": "streamed",
    "websocket": "WebSocket",
    "websocket, async": "asynchronous",
}


def _pins(client: Client) -> list[str]:
    if client.is_node:
        package = json.loads((client.folder / "package.json").read_text())
        return [version for name, version in package["dependencies"].items() if name not in HELPERS]
    lines = (client.folder / "requirements.txt").read_text().splitlines()
    pins = [line.partition("==") for line in lines]
    return [version for name, _, version in pins if name not in HELPERS]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_page_has_a_clients_versions_and_how_it_keeps_a_conversation(client: Client) -> None:
    wanted = [*_pins(client), *client.modes, *(WAYS[way] for way in client.ways)]
    assert any(all(each in line for each in wanted) for line in TABLE), wanted


def test_the_page_has_codex_and_what_it_is_tried_with() -> None:
    (version,) = _pins(CODEX)
    assert CODEX_TABLE[0].startswith(f"| Codex {version}, ")
    for row, session in zip(CODEX_TABLE[2:], SESSIONS, strict=True):
        assert row.startswith(f"| `{session.model}`")


def test_the_page_has_no_other_clients() -> None:
    assert len(TABLE) == len(CLIENTS) + 2


def test_the_page_says_which_clients_were_run_and_of_which_it_was_only_read() -> None:
    rows = [row.split(" | ")[1] for row in EVERY_TABLE[2:]]
    assert (rows.count("yes"), rows.count("read")) == (len(EVERY_CLIENT), 5)
