"""The gateway behind nginx, with the configuration that is shipped."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes, raw_post, websocket_bytes
from tests.processes import PATIENCE_S, ROOT, free_port, started, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

NGINX = shutil.which("nginx")
WORDS = ("one ", "two ", "three")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


#: What listens for callers in each of the files that may.
LISTENS = {"listen.conf": "listen 8080 ", "listen-tls.conf": "listen 443 "}


def shipped_nginx(listen: str) -> str:
    """Return nginx.conf with what it includes, and `listen` of deploy/nginx.d in its place."""
    deploy = ROOT / "deploy"
    text = (deploy / "nginx.conf").read_text().replace("nginx.d/listen.conf", f"nginx.d/{listen}")
    while (found := re.search(r"^ *include (nginx\.d/\S+);\n", text, re.MULTILINE)) is not None:
        text = text.replace(found[0], (deploy / found[1]).read_text())
    return text


@contextlib.contextmanager
def running_nginx(
    gateway_url: str,
    directory: Path,
    listen: str = "listen.conf",
    others: Sequence[str] = (),
    **more: str,
) -> Iterator[str]:
    """Run nginx as it is shipped, but for its addresses, its folders and what else is said; yield
    its URL. `others` are the URLs of further web services.
    """
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {directory / kind};" for kind in kinds)
    more_servers = "".join(
        f"    server {urlsplit(each).netloc} max_fails=1 fail_timeout=2s;\n" for each in others
    )
    changes = {
        "    server 127.0.0.1:8000 ": f"{more_servers}    server {urlsplit(gateway_url).netloc} ",
        LISTENS[listen]: f"listen 127.0.0.1:{port} ",
        **({"listen 80;": f"listen unix:{directory / 'plain'};"} if "tls" in listen else {}),
        "/var/log/nginx/access.log": str(directory / "access.log"),
        "http {": "http {" + folders,
    } | {f"{name} ": f"{name} {value}; #" for name, value in more.items()}
    shipped = shipped_nginx(listen)
    for theirs, ours in changes.items():
        assert shipped.count(theirs) == 1, theirs
        shipped = shipped.replace(theirs, ours)
    config = directory / "nginx.conf"
    config.write_text(shipped)
    globals_ = f"daemon off; pid {directory / 'pid'}; error_log {directory / 'error.log'};"
    argv = [str(NGINX), "-p", str(directory), "-c", str(config), "-g", globals_]
    with started(argv, stderr=subprocess.DEVNULL):
        until(lambda: _listens(port), "nginx to listen")
        yield f"{'https' if 'tls' in listen else 'http'}://127.0.0.1:{port}"


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def proxied(gevent_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway by its address at nginx."""
    with running_nginx(gevent_gateway.url, tmp_path_factory.mktemp("nginx")) as url:
        yield replace(gevent_gateway, url=url)


def test_an_answer_comes_through_nginx(proxied: Gateway) -> None:
    shown = proxied.create("hello")
    assert proxied.get(shown["id"]).json() == shown


def test_nginx_holds_no_event_back(proxied: Gateway, upstream: Upstream) -> None:
    script = Script(tag="nginx steps", say=WORDS, step=True)
    body = {"model": "steady", "input": script.text(), "stream": True}
    with raw_post(proxied.url, proxied.keys.own, body) as call:
        for word in WORDS:
            upstream.release("nginx steps", 1)
            assert call.event("response.output_text.delta")["delta"] == word
        upstream.release("nginx steps")
        assert call.event("response.completed")["response"]["output_text"] == "one two three"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_caller_that_hangs_up_on_nginx_frees_the_upstream(
    proxied: Gateway, upstream: Upstream, stream: bool
) -> None:
    script = Script(tag=f"nginx-gone-{stream}", say=WORDS, stall_after=-1)
    body = {"model": "steady", "input": script.text(), "stream": stream}
    with raw_post(proxied.url, proxied.keys.own, body):
        upstream.wait(script.tag, "stalled")
    upstream.wait(script.tag, "aborted")


def test_a_request_id_goes_through_nginx(proxied: Gateway) -> None:
    answer = proxied.call("GET", "/v1/models", headers={"X-Request-ID": "through-nginx"})
    assert answer.headers["X-Request-ID"] == "through-nginx"


def test_nginx_and_the_gateway_agree_on_a_new_request_id(proxied: Gateway) -> None:
    answer = proxied.call("GET", "/v1/models", headers={"X-Request-ID": "not an id"})
    request_id = answer.headers["X-Request-ID"]
    assert proxied.logged(event="request", request_id=request_id)["endpoint"] == "/v1/models"


def test_nginx_refuses_a_body_that_is_too_large_in_the_apis_words(proxied: Gateway) -> None:
    request = post_bytes("/v1/responses", proxied.keys.own, {})
    with contextlib.closing(
        RawCall(proxied.url, request.replace(b"Content-Length: 2", b"Content-Length: 99999999"))
    ) as call:
        status, headers = call.head()
    assert (status, headers["content-type"]) == (413, "application/json")
    assert headers["x-request-id"]


def test_nginx_says_in_the_apis_words_that_the_gateway_is_away(
    gateway: Gateway, tmp_path: Path
) -> None:
    with running_nginx(f"http://127.0.0.1:{free_port()}", tmp_path) as url:
        answer = replace(gateway, url=url).call("GET", "/v1/models")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["type"] == "server_error"


def test_all_of_nginxs_processes_learn_of_a_service_that_is_away(
    gateway: Gateway, tmp_path: Path
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    with running_nginx(gateway.url, tmp_path, others=[away], worker_processes="4") as url:
        begun = time.monotonic()
        for _ in range(2):  # one for each service
            assert requests.get(f"{url}/healthz", timeout=PATIENCE_S).ok
        with ThreadPoolExecutor(16) as callers:
            answers = list(
                callers.map(lambda _: requests.get(f"{url}/healthz", timeout=PATIENCE_S), range(64))
            )
        assert all(each.ok for each in answers)
        failures = (tmp_path / "error.log").read_text().count("connect() failed")
        assert failures <= 1 + (time.monotonic() - begun) // 2  # fail_timeout


def test_a_request_of_http_1_0_needs_no_host_behind_nginx_either(proxied: Gateway) -> None:
    with contextlib.closing(RawCall(proxied.url, b"GET /healthz HTTP/1.0\r\n\r\n")) as call:
        assert call.head()[0] == 200


def test_a_key_in_a_wrong_place_is_not_in_nginxs_log(
    gevent_gateway: Gateway, tmp_path: Path
) -> None:
    key = gevent_gateway.keys.own
    with running_nginx(gevent_gateway.url, tmp_path) as url:
        proxied = replace(gevent_gateway, url=url)
        named = proxied.call("GET", "/v1/models", headers={"X-Request-ID": key})
        proxied.call("GET", f"/v1/responses/{key}?api_key={key}")
        log = tmp_path / "access.log"
        until(lambda: log.read_text().count("\n") == 2, "nginx to log both")
    assert key not in named.headers["X-Request-ID"]
    assert key not in log.read_text()
    assert '"GET [hidden]" 400' in log.read_text()


@contextlib.contextmanager
def tunnel() -> Iterator[tuple[str, list[bytes]]]:
    """Answer each request with 101, and send back what follows; yield the URL and the heads."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    with caller:
                        heads.append(caller.recv(65536))
                        caller.sendall(b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n")
                        caller.sendall(b"Connection: Upgrade\r\n\r\n")
                        caller.sendall(caller.recv(100))

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_an_upgrade_to_websocket_goes_through_nginx_and_no_other(tmp_path: Path) -> None:
    with tunnel() as (url, heads), running_nginx(url, tmp_path) as nginx:
        with contextlib.closing(RawCall(nginx, websocket_bytes("/v1/responses"))) as call:
            assert call.head()[0] == 101
            call.socket.sendall(b"a frame")
            assert call.socket.recv(100) == b"a frame"
        other = websocket_bytes("/v1/responses").replace(b": websocket", b": h2c")
        with contextlib.closing(RawCall(nginx, other)) as call, contextlib.suppress(AssertionError):
            call.head()
    upgrade, none = (head.lower() for head in heads[:2])
    assert b"\r\nupgrade: websocket\r\n" in upgrade
    assert b"\r\nconnection: upgrade\r\n" in upgrade
    assert b"\r\nupgrade:" not in none
    assert b"\r\nconnection:" not in none


def test_the_gateway_learns_the_address_that_its_caller_used(tmp_path: Path) -> None:
    request = websocket_bytes("/v1/responses").replace(b": gateway", b": own.example:8443")
    with (
        tunnel() as (url, heads),
        running_nginx(url, tmp_path) as nginx,
        contextlib.closing(RawCall(nginx, request)) as call,
    ):
        assert call.head()[0] == 101
    assert b"\r\nHost: own.example:8443\r\n" in heads[0]


def test_a_page_of_another_port_is_another_origin_behind_nginx_too(proxied: Gateway) -> None:
    url = proxied.url.replace("http://", "ws://") + "/v1/responses"
    headers = {"Authorization": f"Bearer {proxied.keys.own}"}
    other = Origin(f"http://127.0.0.1:{free_port()}")
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers=headers, origin=other, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_of_the_gateways_own_page_goes_through_nginx(proxied: Gateway) -> None:
    url = proxied.url.replace("http://", "ws://") + "/v1/responses"
    headers = {"Authorization": f"Bearer {proxied.keys.own}"}
    body = {"type": "response.create", "model": "steady", "input": Script(say="through").text()}
    own = Origin(proxied.url)
    with connect(url, additional_headers=headers, origin=own, proxy=None) as caller:
        for _ in range(2):
            caller.send(json.dumps(body))
            while (event := json.loads(caller.recv(PATIENCE_S)))["type"] != "response.completed":
                continue
            assert event["response"]["output_text"] == "through"
