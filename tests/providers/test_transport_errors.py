"""requests' side of the transport, with the adapter mocked: whose exceptions come out."""

from __future__ import annotations

import errno
from functools import partial
from typing import Any

import pytest
import requests
import responses
from structlog.testing import capture_logs

from app.errors import (
    GatewayError,
    InvalidRequest,
    Overloaded,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.transport import Transport
from app.providers.wire.adapter import WireAdapter, WireResponse
from app.providers.wire.dial import Dialer
from tests.providers.calling import API_KEY, LOGIN, endpoint, settings, stream, whole
from tests.providers.raw_server import RawServer

mocked = partial(responses.RequestsMock, target="app.providers.wire.adapter.WireAdapter.send")


def failure() -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        whole(endpoint("http://acme.test/v1"))
    return caught.value


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (requests.ConnectTimeout("http://u:p@a"), UpstreamTimeout),
        (requests.ReadTimeout("http://u:p@a"), UpstreamTimeout),
        (requests.ConnectionError("http://u:p@a"), UpstreamUnavailable),
        (requests.exceptions.SSLError("http://u:p@a"), UpstreamUnavailable),
        (requests.exceptions.ProxyError("http://u:p@a"), UpstreamUnavailable),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_requests_raises_becomes_ours(raised: Exception, expected: type[GatewayError]) -> None:
    with mocked() as upstream:
        upstream.post("http://acme.test/v1/answer", body=raised)
        error = failure()
    assert type(error) is expected
    assert "u:p" not in error.message


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("host", ["127.0.0.1", "acme.test"])
def test_a_process_without_file_descriptors_does_not_blame_the_upstream(
    monkeypatch: pytest.MonkeyPatch, host: str, code: int
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(code, "Too many open files")

    monkeypatch.setattr("app.providers.wire.dial.socket.socket", none_left)
    monkeypatch.setattr("app.providers.wire.dial.socket.getaddrinfo", none_left)
    with pytest.raises(Overloaded) as caught:
        whole(endpoint(f"http://{host}:9/v1"))
    assert (caught.value.status, caught.value.code) == (503, "overloaded")


def test_a_mocked_answer_is_read_like_a_real_one() -> None:
    with mocked() as upstream:
        upstream.post(
            "http://acme.test/v1/answer",
            body=b"hello",
            headers={"X-Request-ID": "r-1"},
            match=[responses.matchers.header_matcher(LOGIN)],
        )
        assert whole(endpoint("http://acme.test/v1")) == b"hello"


def test_a_mocked_stream_is_read_like_a_real_one() -> None:
    with mocked() as upstream:
        upstream.post("http://acme.test/v1/answer", body=b"data: 1\n\n")
        assert b"".join(stream(endpoint("http://acme.test/v1")).pieces()) == b"data: 1\n\n"


def test_a_refusal_is_told_in_the_upstreams_words_without_its_secrets() -> None:
    with mocked() as upstream:
        upstream.post(
            "http://acme.test/v1/answer",
            status=400,
            json={"error": {"message": f"key {API_KEY} may not ask for this"}},
        )
        error = failure()
    assert isinstance(error, InvalidRequest)
    assert error.message == "key [hidden] may not ask for this"


def test_a_rate_limit_says_when_to_come_back() -> None:
    with mocked() as upstream:
        upstream.post("http://acme.test/v1/answer", status=429, headers={"Retry-After": "7"})
        error = failure()
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after_s == 7


def test_an_errors_body_is_read_up_to_a_bound() -> None:
    with mocked() as upstream:
        upstream.post("http://acme.test/v1/answer", status=401, body=b"x" * 3_000_000)
        assert isinstance(failure(), UpstreamMisbehaved)


def test_an_error_inside_an_answer_hides_the_key_too() -> None:
    transport = Transport(settings("http://acme.test/v1"))
    assert API_KEY not in transport.fault_in_answer(f"bad key {API_KEY}").message


def test_the_adapter_takes_orders_only() -> None:
    adapter = WireAdapter(Dialer())
    request = requests.Request("GET", "http://acme.test/").prepare()
    with pytest.raises(requests.exceptions.InvalidSchema):
        adapter.send(request)


def test_a_response_has_headers_as_requests_has_them() -> None:
    kept: list[requests.Response] = []

    class Keeping(WireAdapter):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            kept.append(super().send(*args, **kwargs))
            return kept[-1]

    with RawServer(lambda wire: wire.answer(wire.hear().body)) as server:
        transport = Transport(settings(server.url))
        transport.adapter = Keeping(Dialer())
        whole(transport.endpoint("/answer", LOGIN))
        transport.close()
        transport.adapter.close()
    assert kept[0].headers["Content-Length"] == "2"


def test_a_response_has_nothing_that_requests_has_not() -> None:
    assert not hasattr(WireResponse.__new__(WireResponse), "no_such_thing")


def test_a_header_that_cannot_be_sent_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="ordinal not in range"):
        Transport(settings("http://acme.test/v1")).endpoint("/answer", {"X-Team": "☃"})


def test_where_nothing_was_found_is_in_the_log_without_its_credentials() -> None:
    with mocked() as upstream, capture_logs() as log:
        upstream.post("http://u:p@acme.test/v2/answer", status=404)
        with pytest.raises(UpstreamMisbehaved):
            whole(endpoint("http://u:p@acme.test/v2?token=hidden"))
    (line,) = [each for each in log if each["event"] == "upstream_address_refused"]
    assert line["url"] == "http://acme.test/v2/answer"
