"""What is the same for every request: keys, the envelope, ids, probes, lists."""

from __future__ import annotations

import contextlib
import gzip
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes, websocket_bytes
from tests.processes import PATIENCE_S

HELLO = {"model": "steady", "input": "hello"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "authentication_required"),
        ({"Authorization": "Bearer "}, "authentication_required"),
        ({"Authorization": "Bearer sk-nobody"}, "invalid_api_key"),
        ({"x-api-key": "sk-nobody"}, "invalid_api_key"),
    ],
)
def test_without_a_good_key_nothing_is_answered(
    either_gateway: Gateway, headers: dict[str, str], code: str
) -> None:
    answer = either_gateway.call("POST", "/v1/responses", HELLO, key=None, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (401, "authentication_error", code)


def test_a_key_may_come_as_x_api_key(gateway: Gateway) -> None:
    headers = {"x-api-key": gateway.keys.own}
    answer = gateway.call("POST", "/v1/responses", HELLO, key=None, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not_found_error"),
        ("GET", "/v1/nowhere", 404, "not_found_error"),
        ("PUT", "/v1/responses", 405, "invalid_request_error"),
        ("POST", "/v1/models", 405, "invalid_request_error"),
        ("GET", "/v1/models/no-such-model", 404, "not_found_error"),
        ("GET", "/v1/responses/resp_" + "0" * 48, 404, "not_found_error"),
        ("GET", "/v1/responses/rsp_1", 400, "invalid_request_error"),
        ("POST", "/v1/responses/compact", 415, "invalid_request_error"),
    ],
)
def test_every_error_has_the_envelope_and_an_id(
    gateway: Gateway, method: str, path: str, status: int, kind: str
) -> None:
    answer = gateway.call(method, path)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind)
    assert error.keys() == {"message", "type", "param", "code"}
    assert answer.headers["X-Request-ID"]


def test_a_refused_method_says_which_are_allowed(gateway: Gateway) -> None:
    allowed = gateway.call("PUT", "/v1/responses").headers["Allow"]
    assert {"GET", "POST"} <= set(allowed.replace(" ", "").split(","))


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ("Content-Type: text/plain\r\n", b'{"model": "steady"}', 415, None),
        ("Content-Type: application/json\r\n", b'{"model": ', 400, "invalid_json"),
        ("Content-Type: application/json\r\n", b"[]", 400, None),
        ("Content-Type: application/json\r\nContent-Encoding: br\r\n", b"{}", 415, None),
        ("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", b"{}", 400, None),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    either_gateway: Gateway, headers: str, body: bytes, status: int, code: str | None
) -> None:
    answer = either_gateway.session.post(
        either_gateway.url + "/v1/responses",
        data=body,
        headers={"Authorization": f"Bearer {either_gateway.keys.own}"}
        | dict(line.split(": ") for line in headers.split("\r\n") if line),
        timeout=PATIENCE_S,
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    assert code in (None, error["code"])


def test_a_body_that_says_it_is_too_large_is_refused_unread(either_gateway: Gateway) -> None:
    head = post_bytes("/v1/responses", either_gateway.keys.own, HELLO).partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    call = RawCall(
        either_gateway.url,
        b"\r\n".join([*lines, b"Content-Length: %d" % (33 << 20), b"", b""]),
    )
    status, _ = call.head()
    call.close()
    assert status == 413


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", f"Content-Length: {8 << 20}"])
def test_a_caller_may_send_all_of_a_body_that_is_refused(
    either_gateway: Gateway, framing: str
) -> None:
    """A reset while it sends would be all that many clients tell of the refusal."""
    lines = ("POST /v1/responses HTTP/1.1", "Host: gateway", "x-api-key: sk-nobody", framing)
    head = "\r\n".join(lines)
    with contextlib.closing(RawCall(either_gateway.url, f"{head}\r\n\r\n".encode())) as call:
        piece = b"x" * (1 << 20)
        for _ in range(8):
            call.socket.sendall(
                piece if "Length" in framing else b"%x\r\n%b\r\n" % (len(piece), piece)
            )
        assert call.head()[0] == 401


@pytest.mark.parametrize("connection", ["TE, close", "keep-alive\r\nConnection: Close"])
def test_a_connection_ends_where_that_is_among_its_options(
    either_gateway: Gateway, connection: str
) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: gateway\r\nTE: trailers\r\nConnection: {connection}"
    with contextlib.closing(RawCall(either_gateway.url, f"{request}\r\n\r\n".encode())) as call:
        assert call.head()[1]["connection"] == "close"
        assert json.loads(call.whole()) == {"status": "ok"}
        assert call.is_closed()


@pytest.mark.parametrize(
    "request_line", ["GET /healthz", "OPTIONS /v1/models", "GET /v1/models/a%20b"]
)
@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n"])
@pytest.mark.parametrize("version", ["1.1", "1.2", "1.9"])
def test_a_request_needs_one_host(
    either_gateway: Gateway, request_line: str, hosts: str, version: str
) -> None:
    request = f"{request_line} HTTP/{version}\r\n{hosts}Accept: */*\r\n\r\n".encode()
    with contextlib.closing(RawCall(either_gateway.url, request)) as call:
        status, headers = call.head()
        error = json.loads(call.whole())["error"]
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert headers["x-request-id"]
        assert call.is_closed()


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /healthz HTTP/1.0\r\n", 200),
        # A higher minor version is served as 1.1 (RFC 9110, 2.5).
        ("GET /healthz HTTP/1.2\r\nHost: here\r\n", 200),
        ("GET /healthz HTTP/0.9\r\nHost: here\r\n", 400),
        ("GET /healthz HTTP/2.0\r\nHost: here\r\n", 400),
        ("GET /healthz HTTP/1.10\r\nHost: here\r\n", 400),
        ("GET /healthz http/1.1\r\nHost: here\r\n", 400),
        ("GET /healthz\r\nHost: here\r\n", 400),
    ],
)
def test_versions_of_http(either_gateway: Gateway, line: str, status: int) -> None:
    with contextlib.closing(RawCall(either_gateway.url, f"{line}\r\n".encode())) as call:
        assert call.head()[0] == status
        if status == 400:
            assert json.loads(call.whole())["error"]["type"] == "invalid_request_error"
            assert call.is_closed()


def test_a_small_body_that_inflates_without_end_is_refused(gateway: Gateway) -> None:
    bomb = gzip.compress(b'{"model": "steady", "input": "' + b" " * (40 << 20), compresslevel=1)
    headers = {
        "Authorization": f"Bearer {gateway.keys.own}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    answer = gateway.session.post(
        gateway.url + "/v1/responses", data=bomb, headers=headers, timeout=PATIENCE_S
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("given", ["abc-123", "A.b_c:d/e+f=g@h", "x" * 128])
def test_a_good_request_id_comes_back(either_gateway: Gateway, given: str) -> None:
    answer = either_gateway.call("GET", "/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "<script>", "a;b"])
def test_a_bad_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    answer = gateway.call("GET", "/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] not in ("", given)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_names_its_request_and_who_gave_it(either_gateway: Gateway, stream: bool) -> None:
    body = HELLO | {"stream": stream, "model": "anthropic/steady"}
    headers = either_gateway.call(
        "POST", "/v1/responses", body, headers={"X-Request-ID": "mine"}
    ).headers
    found = [
        headers[f"X-{name}"] for name in ("Request-ID", "Gateway-Provider", "Gateway-Attempts")
    ]
    assert found == ["mine", "anthropic", "1"]
    assert "upstream;dur=" in headers["Server-Timing"]
    assert headers["Server"] == "responses-gateway"
    assert headers["openai-processing-ms"].isdigit()


def test_what_is_ignored_is_named(gateway: Gateway) -> None:
    answer = gateway.call("POST", "/v1/responses", HELLO | {"client_metadata": {}, "wat": 1})
    assert answer.headers["X-Ignored-Parameters"] == "client_metadata, wat"


def test_the_endpoint_tells_about_itself(gateway: Gateway) -> None:
    response = gateway.call("GET", "/v1/responses").json()
    assert (response["object"], response["path"]) == ("endpoint", "/v1/responses")


def test_the_models_that_the_key_may_use_are_listed(gateway: Gateway) -> None:
    listed = gateway.call("GET", "/v1/models").json()
    names = {model["id"] for model in listed["data"]}
    assert {"steady", "aliased", "falls-back", "local/echo"} <= names


def test_a_model_is_found_by_a_name_with_a_slash(gateway: Gateway) -> None:
    found = gateway.call("GET", "/v1/models/local/echo").json()
    assert (found["id"], found["object"]) == ("local/echo", "model")


def test_the_process_is_healthy_and_its_redis_answers(either_gateway: Gateway) -> None:
    healthy = either_gateway.call("GET", "/healthz", key=None)
    assert healthy.status_code == 200


def test_the_openapi_document_describes_the_main_path(gateway: Gateway) -> None:
    document = gateway.call("GET", "/openapi.json", key=None).json()
    assert document["openapi"].startswith("3.1")
    assert {"get", "post"} <= document["paths"]["/v1/responses"].keys()


def test_metrics_count_the_requests_of_all_processes_together(gateway: Gateway) -> None:
    def listed() -> float:
        text = gateway.call("GET", "/metrics", key=None).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "gateway_requests_total"
            and sample.labels["endpoint"] == "/v1/models"
            and sample.labels["status"] == "200"
        )

    before = listed()
    for _ in range(20):
        # A connection each, so that both processes get some.
        gateway.call("GET", "/v1/models", headers={"Connection": "close"})
    assert listed() == before + 20


def test_a_tls_handshake_is_answered_at_once_in_both_worker_classes(
    either_gateway: Gateway,
) -> None:
    """A handshake has no line's end to wait for."""
    with contextlib.closing(
        RawCall(either_gateway.url, b"\x16\x03\x01\x02\x00" + bytes(400))
    ) as call:
        assert call.head()[0] == 400
        assert "http://" in json.loads(call.whole())["error"]["message"]


def test_whoever_tries_a_websocket_on_threads_is_sent_to_http(gthread_gateway: Gateway) -> None:
    handshake = websocket_bytes("/v1/responses")
    with contextlib.closing(RawCall(gthread_gateway.url, handshake)) as call:
        error = json.loads(call.whole())["error"]
        assert (call.head()[0], error["code"]) == (426, "websocket_not_offered")
