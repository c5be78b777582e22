"""Requests that are made again while the first is under way, after it, and after it was lost."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
import requests
from redis import Redis

from tests.e2e.config import gateway_toml
from tests.e2e.gateway import Gateway, Keys, make_key
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.stops import site
from tests.e2e.wire import RawCall, post_bytes
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Script


def ask(gateway: Gateway, key: str, script: Script | str, **more: object) -> requests.Response:
    text = script.text() if isinstance(script, Script) else script
    body = {"model": "steady", "input": text, **more}
    return gateway.call("POST", "/v1/responses", body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"store": False}], ids=str)
def test_a_retry_joins_the_first_from_another_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, more: dict[str, object]
) -> None:
    tag = "joined-" + "-".join(more)
    script = Script(say=("one ", "two"), stall_after=1, tag=tag)
    more = more | {"unknown": 1, "service_tier": "flex"}  # neither has an effect (R1)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask, gevent_gateway, tag, script, **more)
        upstream.wait(tag, "stalled")
        others = [
            pool.submit(ask, gateway, tag, script, **more)
            for gateway in (gevent_gateway, gthread_gateway)
        ]
        upstream.release(tag)
        answers = [each.result() for each in (first, *others)]
    assert [each.status_code for each in answers] == [200] * 3
    assert len({each.content for each in answers}) == 1
    replayed = [each.headers.get("Idempotent-Replayed") for each in answers]
    assert sorted(map(str, replayed)) == ["None", "true", "true"]
    ignored = {each.headers.get("X-Ignored-Parameters") for each in answers}
    assert ignored == {"unknown, service_tier"}
    assert len(upstream.requests(tag)) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_left_is_expected_again(
    either_gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    tag = f"expected {stream} {either_gateway.url[-5:]}"
    script = Script(say=("one ", "two"), stall_after=1, tag=tag)
    body = {"model": "steady", "input": script.text(), "stream": stream}
    header = f"Idempotency-Key: {tag.replace(' ', '-')}\r\n"
    url, key = either_gateway.url, either_gateway.keys.own
    call = RawCall(url, post_bytes("/v1/responses", key, body, header))
    upstream.wait(tag, "stalled")
    call.close()
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(ask, either_gateway, tag.replace(" ", "-"), script, stream=stream)
        upstream.release(tag)
        assert b"one two" in again.result().content
    assert len(upstream.requests(tag)) == 1


def test_a_stream_that_failed_is_answered_with_again(gateway: Gateway, upstream: Upstream) -> None:
    script = Script(say=("one ", "two"), cut_after=1, cut="close", tag="failed keyed")
    answers = [ask(gateway, "failed-keyed", script, stream=True) for _ in range(2)]
    assert b"response.failed" in answers[0].content
    assert answers[0].content == answers[1].content
    assert len(upstream.requests("failed keyed")) == 1


def test_the_key_of_a_killed_process_is_soon_free(
    gateway: Gateway, upstream: Upstream, environment: dict[str, str], keys: Keys, tmp_path: Path
) -> None:
    env = environment | {"WORKER_LEASE_S": "1"}
    script = Script(say=("one ", "two"), stall_after=1, tag="killed keyed")
    with ThreadPoolExecutor(1) as pool:
        toml = gateway_toml(upstream.places, keepalive_s=15)
        with site(env, keys, tmp_path, toml) as mortal:
            lost = pool.submit(ask, mortal.gateway, "killed-keyed", script)
            upstream.wait("killed keyed", "stalled")
            for pid in mortal.workers():
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(requests.ConnectionError):
                lost.result()
        again = pool.submit(ask, gateway, "killed-keyed", script)
        upstream.wait("killed keyed", "arrived", count=2)
        upstream.release("killed keyed")
        assert again.result().json()["output_text"] == "one two"


def test_a_key_stays_its_requests_over_an_outage_longer_than_its_lease(
    upstream: Upstream, environment: dict[str, str], tmp_path: Path
) -> None:
    script = Script(say=("one ", "two"), stall_after=1, tag="outage keyed")
    toml = gateway_toml(upstream.places, keepalive_s=15)
    with MortalRedis(tmp_path) as mortal, ThreadPoolExecutor(2) as pool:
        mortal.start()
        env = environment | {"REDIS_URL": mortal.url, "WORKER_LEASE_S": "8"}
        keys = Keys(make_key("keyed", env), "")
        with site(env, keys, tmp_path, toml, processes=2) as running:
            first = pool.submit(ask, running.gateway, "outage-keyed", script)
            upstream.wait("outage keyed", "stalled")
            mortal.kill()
            with mortal.out_of_reach() as redis:
                (claim,) = redis.scan_iter("*idempotency:*")
                redis.hset(claim, "until", 1)  # as after an outage of any length
            mortal.start()
            again = pool.submit(ask, running.gateway, "outage-keyed", script)
            with Redis.from_url(mortal.url) as redis:
                until(lambda: redis.hexists(claim, "waited"), "the retry to wait for the first")
            upstream.release("outage keyed")
            answers = [each.result() for each in (first, again)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(upstream.requests("outage keyed")) == 1


def test_openais_client_sends_its_key_by_the_headers_name(
    either_gateway: Gateway, upstream: Upstream
) -> None:
    """One line: `OpenAI(…)._idempotency_header = "Idempotency-Key"`; or as an extra header."""
    base_url = either_gateway.url + "/v1"
    with openai.OpenAI(base_url=base_url, api_key=either_gateway.keys.own) as client:
        client._idempotency_header = "Idempotency-Key"
        tag = f"sdk {either_gateway.url[-5:]}"
        text = Script(say="hello", tag=tag).text()
        first, again = (
            client.responses.with_raw_response.create(
                model="steady", input=text, extra_headers={"Idempotency-Key": "mine" + tag[-5:]}
            )
            for _ in range(2)
        )
        assert first.parse() == again.parse()
        assert again.headers["Idempotent-Replayed"] == "true"
        client.responses.create(model="steady", input="hi")  # with a key of its own
