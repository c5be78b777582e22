"""A caller who sends without a break, without a key, holds up nobody.

What holds for a body that is sent without a break is in tests/serving/test_callers.py.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.e2e import gateway as gateways
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.memory import serving
from tests.processes import PATIENCE_S, until

#: Few enough for the kernel to take them all while nobody reads.
REQUESTS = 200
MODELS = "GET /v1/models HTTP/1.1\r\nHost: gateway\r\n\r\n"
ANOTHER = "GET /v1/usage HTTP/1.1\r\nHost: gateway\r\n\r\n"

FLOODS = {
    "usual requests": MODELS,
    "requests that gunicorn reads": MODELS.replace("models", "model%73"),
}


@pytest.fixture(scope="module")
def gateway(
    environment: dict[str, str], keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway of one process: its log has the order in which it has answered."""
    folder = tmp_path_factory.mktemp("turns")
    with gateways.running(environment, keys, folder, "gevent", 1) as gateway:
        yield gateway


@contextlib.contextmanager
def unread(gateway: Gateway, *sent: str) -> Iterator[None]:
    """Send each of these on a connection of its own, before the gateway reads any of them."""
    url, process = urlsplit(gateway.url), serving(gateway)
    with contextlib.ExitStack() as stack:
        process.send_signal(signal.SIGSTOP)
        stack.callback(process.send_signal, signal.SIGCONT)
        for each in sent:
            place = (str(url.hostname), url.port or 80)
            caller = stack.enter_context(socket.create_connection(place, PATIENCE_S))
            caller.sendall(each.encode())
        process.send_signal(signal.SIGCONT)
        yield


@pytest.mark.parametrize("request_", FLOODS.values(), ids=FLOODS)
def test_who_sends_without_a_break_holds_up_nobody(gateway: Gateway, request_: str) -> None:
    before = len(gateway.log_lines(event="request"))

    def answered() -> list[str]:
        """Return the endpoints of what has been answered, in order."""
        return [line["endpoint"] for line in gateway.log_lines(event="request")[before:]]

    with unread(gateway, request_ * REQUESTS, ANOTHER):
        until(lambda: len(answered()) == REQUESTS + 1, "all answers")
    place = answered().index("/v1/usage")
    assert place < REQUESTS // 2  # MEASURED: 1; 200 where nobody takes turns
