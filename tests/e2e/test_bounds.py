"""What protects an upstream: a bound on calls at once, and a breaker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.config import BROKEN
from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Script


def test_a_call_beyond_the_bound_waits_for_a_free_place(
    gthread_gateway: Gateway, upstream: Upstream
) -> None:
    first, second = Script(tag="narrow 1", stall_after=-1), Script(tag="narrow 2")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(gthread_gateway.create, first.text(), model="narrow/m")
        upstream.wait("narrow 1", "stalled")
        waiting = pool.submit(gthread_gateway.create, second.text(), model="narrow/m")
        gthread_gateway.create("somebody else is not held up")
        upstream.release("narrow 1")
        assert [slow.result()["status"], waiting.result()["status"]] == ["completed"] * 2
    ages = {seen["tag"]: seen for seen in upstream.requests()}
    assert ages["narrow 2"]["arrived_s"] <= ages["narrow 1"]["ended_s"]


def test_a_provider_that_keeps_failing_is_left_alone_and_shown(
    gthread_gateway: Gateway, upstream: Upstream
) -> None:
    body = {"model": f"breaking/{BROKEN}", "input": "hello"}

    def ask(_: int) -> int:
        return gthread_gateway.call("POST", "/v1/responses", body).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {503}
    before = len(upstream.requests())
    refused = gthread_gateway.call("POST", "/v1/responses", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "upstream_unavailable")
    assert len(upstream.requests()) == before
    ready = gthread_gateway.call("GET", "/readyz", key=None).json()
    assert ready["checks"]["upstreams"]["breaking"] == "resting"
