"""What no HTTP client sends, over real sockets: nothing of it is a fault of ours."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e import gateway as gateways
from tests.e2e import hasty
from tests.e2e.gateway import Gateway, Keys
from tests.fuzz.gateway import ANSWERS
from tests.fuzz.wires import exchanges, sound

PATIENCE_S = 20
STATUS = re.compile(rb"^HTTP/1\.[01] ([0-9]{3}) ", re.MULTILINE)
THOROUGHLY = settings(
    max_examples=max(60, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["gevent", "gthread"])
def entrance(
    request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway as it is deployed, on each class of worker in turn, with little patience."""
    directory = tmp_path_factory.mktemp("wire")
    config = directory / "gateway.toml"
    config.write_text('[providers.local]\napi = "local"\n')
    env = gateways.environment(redis_url, config)
    key = gateways.make_key("fuzz", env)
    more = hasty.arguments(1000) if request.param == "gevent" else ()
    with gateways.running(env, Keys(key, key), directory, request.param, 1, *more) as gateway:
        yield gateway


def exchanged(gateway: Gateway, data: bytes) -> bytes:
    """Send bytes, then the end of them, and return all that comes."""
    place = urlsplit(gateway.url)
    came = b""
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as caller:
        # A reset is an answer too, of whoever has hung up on us before all was sent.
        with contextlib.suppress(ConnectionError):
            caller.sendall(data)
            caller.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := caller.recv(65536):
                came += piece
    return came


@THOROUGHLY
@given(data=st.data())
def test_whatever_comes_over_the_wire_is_answered_or_hung_up_on(
    entrance: Gateway, data: st.DataObject
) -> None:
    result = exchanged(entrance, data.draw(exchanges(entrance.keys.own)))
    statuses = [int(each) for each in STATUS.findall(result)]
    ANSWERS.update(statuses)
    assert [each for each in statuses if each >= 500 and each != 501] == []


def test_nothing_of_it_was_a_fault_of_ours(entrance: Gateway) -> None:
    result = exchanged(entrance, sound(entrance.keys.own, b"/v1/responses", b"X-Request-ID: after"))
    assert STATUS.findall(result) == [b"200"]
    log = entrance.log_file.read_text()
    assert "Traceback" not in log
    assert [line for line in entrance.log_lines() if line.get("level") == "error"] == []
    assert entrance.keys.own not in log
