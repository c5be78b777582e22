"""Streams that run in one process, as others see them: read, followed, cancelled, lost (C7, C3)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e import gateway as gateways
from tests.e2e.background import cancel, ended, following, shown, spoken
from tests.e2e.config import APIS, gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.stops import site
from tests.e2e.wire import RawCall, post_bytes, stream_of
from tests.e2e.workers import brief
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

LEASE = {"WORKER_LEASE_S": "1"}
CONTINUE = "X-On-Disconnect: continue\r\n"


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A name for what this test has the upstream do."""
    return str(request.node.nodeid)


def halted(tag: str) -> Script:
    """Return a script that says "one ", then waits for its release to say "two"."""
    return Script(say=("one ", "two"), stall_after=1, tag=tag)


@contextlib.contextmanager
def streaming(
    gateway: Gateway, script: Script, headers: str = "", **more: Any
) -> Iterator[tuple[RawCall, str]]:
    """Stream a response up to its first text; yield the call, and the response's id."""
    body = {"model": "steady", "input": script.text(), "stream": True} | more
    call = RawCall(gateway.url, post_bytes("/v1/responses", gateway.keys.own, body, headers))
    with contextlib.closing(call):
        response_id = call.event("response.created")["response"]["id"]
        call.event("response.output_text.delta")
        yield call, response_id


def seen(gateway: Gateway, response_id: str) -> None:
    """Wait for a stream to be seen by others."""
    until(lambda: gateway.get(response_id).status_code == 200, "the stream to be seen")


def replayed(gateway: Gateway, response_id: str, more: str = "") -> bytes:
    return gateway.call("GET", f"/v1/responses/{response_id}?stream=true{more}").content


@pytest.mark.parametrize("provider", APIS)
def test_a_stream_is_seen_and_followed_from_another_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, provider: str, tag: str
) -> None:
    model = f"{provider}/steady"
    with streaming(gevent_gateway, halted(tag), model=model) as (call, response_id):
        seen(gthread_gateway, response_id)
        spoken(gthread_gateway, response_id, "one ")
        assert shown(gthread_gateway, response_id)["status"] == "in_progress"
        with (
            following(gthread_gateway, response_id) as follower,
            ThreadPoolExecutor() as pool,
        ):
            follower.event("response.output_text.delta")
            late = pool.submit(replayed, gthread_gateway, response_id, "&starting_after=2")
            upstream.release(tag)
            stream, again = call.body(), follower.body()
            tail = late.result()
    assert again == stream
    assert stream_of(stream).response["output_text"] == "one two"
    assert stream == replayed(gthread_gateway, response_id)
    assert tail == b"\n\n".join(stream.split(b"\n\n")[3:])


def test_openais_client_follows_a_stream(
    openai_client: openai.OpenAI, gevent_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    with streaming(gevent_gateway, halted(tag), CONTINUE) as (_, response_id):
        assert openai_client.responses.retrieve(response_id).status == "in_progress"
        followed = openai_client.responses.retrieve(response_id, stream=True)
        upstream.release(tag)
        *_, last = followed
    assert last.type == "response.completed"
    assert last.response.output_text == "one two"


def test_what_runs_cannot_be_continued_and_lists_its_input(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    first = gateway.create("before")
    with streaming(gateway, halted(tag), CONTINUE, previous_response_id=first["id"]) as (
        _,
        running,
    ):
        path = f"/v1/responses/{running}/input_items?order=asc"
        items = gateway.call("GET", path).json()["data"]
        refused = gateway.call(
            "POST",
            "/v1/responses",
            {"model": "steady", "input": "x", "previous_response_id": running},
        )
        upstream.release(tag)
    assert [item["role"] for item in items] == ["user", "assistant", "user"]
    error = refused.json()["error"]
    assert (refused.status_code, error["param"]) == (400, "previous_response_id")


def test_a_stream_that_goes_on_is_cancelled_from_another_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    with streaming(gevent_gateway, halted(tag), CONTINUE) as (call, response_id):
        cancelled = cancel(gthread_gateway, response_id)
        end = stream_of(call.body())
    upstream.wait(tag, "aborted")
    assert (cancelled["status"], cancelled["output_text"]) == ("cancelled", "one ")
    assert (end.last["type"], end.response) == ("response.failed", cancelled)
    assert cancel(gthread_gateway, response_id) == cancelled
    assert stream_of(replayed(gthread_gateway, response_id)) == end


def test_a_stream_that_ends_with_its_caller_is_not_cancelled_but_deleted(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    with streaming(gevent_gateway, halted(tag)) as (call, response_id):
        seen(gthread_gateway, response_id)
        refused = gthread_gateway.call("POST", f"/v1/responses/{response_id}/cancel")
        assert refused.json()["error"]["code"] == "response_not_cancellable"
        path = f"/v1/responses/{response_id}"
        assert (
            gthread_gateway.call("GET", path, key=gthread_gateway.keys.foreign).status_code == 404
        )
        assert gthread_gateway.call("DELETE", path).json()["deleted"]
        assert stream_of(call.body()).response["status"] == "cancelled"
    upstream.wait(tag, "aborted")
    assert gevent_gateway.get(response_id).status_code == 404


def test_a_keyed_stream_is_joined_live_though_its_caller_has_left(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    header = f"Idempotency-Key: {abs(hash(tag))}\r\n"
    with streaming(gevent_gateway, halted(tag), header) as (_, first):
        pass
    with streaming(gthread_gateway, halted(tag), header) as (joined, response_id):
        assert joined.head()[1]["idempotent-replayed"] == "true"
        upstream.release(tag)
        assert stream_of(joined.body()).response["output_text"] == "one two"
    assert response_id == first
    assert len(upstream.requests(tag)) == 1


# Faults


def test_a_stream_whose_process_is_killed_ends_failed_with_what_was_written(
    gateway: Gateway,
    upstream: Upstream,
    environment: dict[str, str],
    keys: Keys,
    tmp_path: Path,
    tag: str,
) -> None:
    toml = gateway_toml(upstream.places, keepalive_s=15)
    header = f"Idempotency-Key: {abs(hash(tag))}\r\n"
    env = environment | LEASE
    conversation = gateway.call("POST", "/v1/conversations", {}).json()["id"]
    more = {"conversation": conversation}
    with (
        site(env, keys, tmp_path, toml) as mortal,
        streaming(mortal.gateway, halted(tag), header, **more) as (_, response_id),
        following(gateway, response_id) as follower,
    ):
        spoken(gateway, response_id, "one ")
        follower.event("response.output_text.delta")
        for pid in mortal.workers():
            os.kill(pid, signal.SIGKILL)
        mortal.process.kill()
        with brief(env, tmp_path):
            response = ended(gateway, response_id)
        stream = stream_of(follower.body())
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert response["output_text"] == "one "
    assert stream.response == response
    assert stream_of(replayed(gateway, response_id)) == stream
    items = gateway.call("GET", f"/v1/conversations/{conversation}/items").json()["data"]
    assert [item["role"] for item in items] == ["assistant", "user"]
    with streaming(gateway, halted(tag), header, **more) as (_, again):
        assert again != response_id  # the key is free, and the model is asked once more
        upstream.release(tag)
    assert len(upstream.requests(tag)) == 2


def test_a_stream_whose_process_is_killed_is_cancelled_without_one(
    gateway: Gateway,
    upstream: Upstream,
    environment: dict[str, str],
    keys: Keys,
    tmp_path: Path,
    tag: str,
) -> None:
    toml = gateway_toml(upstream.places, keepalive_s=15)
    with (
        site(environment, keys, tmp_path, toml) as mortal,
        streaming(mortal.gateway, halted(tag), CONTINUE) as (_, response_id),
    ):
        spoken(gateway, response_id, "one ")
        for pid in mortal.workers():
            os.kill(pid, signal.SIGKILL)
        mortal.process.kill()
        response = cancel(gateway, response_id)
    assert (response["status"], response["output_text"]) == ("cancelled", "one ")
    assert stream_of(replayed(gateway, response_id)).response == response


def test_redis_may_be_killed_while_a_stream_runs_and_is_followed(
    environment: dict[str, str], upstream: Upstream, tmp_path: Path, tag: str
) -> None:
    with MortalRedis(tmp_path) as redis:
        redis.start()
        env = environment | {"REDIS_URL": redis.url}
        keys = Keys(gateways.make_key("acme", env), "")
        header = "Idempotency-Key: redis-may-die\r\n"
        with (
            gateways.running(env, keys, tmp_path, "gevent", 1) as gateway,
            brief(env, tmp_path),
            streaming(gateway, halted(tag), header) as (call, response_id),
            following(gateway, response_id) as follower,
            streaming(gateway, halted(tag), header) as (joined, _),
        ):
            follower.event("response.output_text.delta")
            redis.kill()
            upstream.release(tag)
            call.event("response.output_text.delta")
            redis.start()
            first = stream_of(call.body())
            assert stream_of(follower.body()) == first == stream_of(joined.body())
            with streaming(gateway, halted(tag), header) as (again, _):
                assert stream_of(again.body()) == first
            assert len(upstream.requests(tag)) == 1
            assert shown(gateway, response_id)["output_text"] == "one two"
