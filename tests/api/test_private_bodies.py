"""Nothing of a body that is to be encrypted is remembered, however it came."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from flask import Flask

from app.api import context
from app.schemas.request.known_parts import BodyMemory
from tests.api.conftest import Asker
from tests.api.websockets import Json, create, talk

KEY = {"X-Encryption-Key": base64.b64encode(bytes(32)).decode()}
INPUT = [{"role": "user", "content": "w" * 5000}] * 3
TOOLS = [{"type": "function", "name": "f", "description": "d" * 2000, "parameters": {}}]


@pytest.fixture
def memory(app: Flask) -> BodyMemory:
    """What this process remembers of bodies."""
    with app.app_context():
        return context.services().body_memory


def post(owner: Asker, headers: Json) -> None:
    """Send three requests alike by POST."""
    body = {"model": "local/echo", "input": INPUT, "tools": TOOLS}
    headers = {"Authorization": f"Bearer {owner.secret}", **headers}
    for _ in range(3):
        answer = owner.client.post("/v1/responses", json=body, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)


def converse(owner: Asker, headers: Json) -> None:
    """Send three requests alike on a WebSocket."""
    handshake = {name.replace("-", "_"): value for name, value in headers.items()}
    socket = talk(owner, *[create(INPUT, tools=TOOLS)] * 3, **handshake)
    assert len(socket.ended()) == 3


@pytest.mark.parametrize("send", [post, converse])
def test_of_a_request_with_a_key_nothing_is_remembered(
    owner: Asker, memory: BodyMemory, send: Callable[[Asker, Json], None]
) -> None:
    send(owner, KEY)
    assert sizes(memory) == (0, 0, 0, 0)
    send(owner, {})
    assert all(sizes(memory))


def sizes(memory: BodyMemory) -> tuple[int, ...]:
    """Return how much is remembered, and what is looked out for."""
    items, tools = memory.items, memory.tools
    return (
        items.cache.size,
        tools.cache.size,
        len(items.expected.counts),
        len(tools.expected.counts),
    )
