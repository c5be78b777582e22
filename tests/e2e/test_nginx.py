"""The gateway behind nginx, with the configuration that is shipped."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.wire import RawCall, post_bytes, raw_post, websocket_bytes
from tests.processes import ROOT, free_port, started, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

NGINX = shutil.which("nginx")
WORDS = ("one ", "two ", "three")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@contextlib.contextmanager
def running_nginx(gateway_url: str, directory: Path, **more: str) -> Iterator[str]:
    """Run nginx as it is shipped, but for its addresses, its folders and what else is said; yield
    its URL.
    """
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {directory / kind};" for kind in kinds)
    changes = {
        "server 127.0.0.1:8000;": f"server {urlsplit(gateway_url).netloc};",
        "listen 8080 ": f"listen 127.0.0.1:{port} ",
        "/var/log/nginx/access.log": str(directory / "access.log"),
        "http {": "http {" + folders,
    } | {f"{name} ": f"{name} {value}; #" for name, value in more.items()}
    shipped = (ROOT / "deploy" / "nginx.conf").read_text()
    for theirs, ours in changes.items():
        assert shipped.count(theirs) == 1, theirs
        shipped = shipped.replace(theirs, ours)
    config = directory / "nginx.conf"
    config.write_text(shipped)
    globals_ = f"daemon off; pid {directory / 'pid'}; error_log {directory / 'error.log'};"
    argv = [str(NGINX), "-p", str(directory), "-c", str(config), "-g", globals_]
    with started(argv, stderr=subprocess.DEVNULL):
        until(lambda: _listens(port), "nginx to listen")
        yield f"http://127.0.0.1:{port}"


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


def test_nginx_hides_no_websocket_that_is_tried_first(proxied: Gateway) -> None:
    with contextlib.closing(RawCall(proxied.url, websocket_bytes("/v1/responses"))) as call:
        assert call.head()[0] == 426
