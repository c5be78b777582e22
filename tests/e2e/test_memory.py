"""What is read of the store takes no more memory than there is for it, whoever asks at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.e2e import gateway as gateways
from tests.e2e.gateway import DEFAULT_FIRST, Gateway, Keys
from tests.e2e.memory import peak_memory, serving
from tests.processes import until

MEBIBYTE = 1024 * 1024
BOUND = 64
#: Ten million characters, of which Redis has a thousand bytes.
LONG = "what was said " * 700_000
CALLERS = 8


@pytest.fixture(scope="module", params=DEFAULT_FIRST)
def small_gateway(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """A gateway of one process that has little memory for requests."""
    directory = tmp_path_factory.mktemp("small")
    config = directory / "gateway.toml"
    bound = f"[requests]\nmax_body_memory_mb = {BOUND}\n"
    config.write_text(f'[providers.local]\napi = "local"\n{bound}')
    env = environment | {"GATEWAY_CONFIG": str(config)}
    with gateways.running(env, keys, directory, request.param, 1) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def long_conversation(small_gateway: Gateway) -> str:
    """A conversation of 80 MB."""
    conversation: str = small_gateway.call("POST", "/v1/conversations", {}).json()["id"]
    items = [{"type": "message", "role": "user", "content": LONG}]
    for _ in range(8):
        path = f"/v1/conversations/{conversation}/items"
        assert small_gateway.call("POST", path, {"items": items}).status_code == 200
    return conversation


def test_callers_of_a_long_conversation_at_once_take_no_more_than_the_bound(
    small_gateway: Gateway, long_conversation: str
) -> None:
    server = serving(small_gateway)
    before = peak_memory(server)
    body = {"model": "local/echo", "input": "two", "conversation": long_conversation}

    def ask(number: int) -> int:
        if number % 2:
            return small_gateway.call("POST", "/v1/responses", body).status_code
        path = f"/v1/conversations/{long_conversation}/items?limit=100"
        return small_gateway.call("GET", path).status_code

    with ThreadPoolExecutor(CALLERS) as pool:
        statuses = list(pool.map(ask, range(CALLERS)))
    # One that comes while the others' pages take the most of it waits for these like all else.
    assert set(statuses[1::2]) <= {413, 429, 503}
    assert set(statuses[::2]) <= {200, 429, 503}
    until(lambda: ask(1) == 413, "the others to have left")
    # A page as it is unpacked, and as it is sent: unbounded it was ten times as much.
    assert peak_memory(server) - before < 3 * BOUND * MEBIBYTE


def test_clients_read_all_pages_of_a_long_conversation(
    small_gateway: Gateway, long_conversation: str
) -> None:
    client = openai.OpenAI(
        base_url=f"{small_gateway.url}/v1", api_key=small_gateway.keys.own, max_retries=0
    )
    with client:
        page = client.conversations.items.list(long_conversation, limit=100, order="asc")
        assert 0 < len(page.data) < 8
        ids = [item.id for item in page]
    assert len(set(ids)) == len(ids) == 8
