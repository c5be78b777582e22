"""WebSocket mode as clients use it: OpenAI's own, and one that looks at each frame (E10)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.e2e import gateway as gateways
from tests.e2e.config import APIS, gateway_toml
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.stops import GRACE_S, site
from tests.e2e.wire import RawCall, Stream, stream_of, websocket_bytes
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

Json = dict[str, Any]
WORDS = ("one ", "two ", "three")


def opened(gateway: Gateway, key: str = "") -> Connection:
    """Return a new connection of the own key's."""
    url = gateway.url.replace("http://", "ws://") + "/v1/responses"
    headers = {"Authorization": f"Bearer {key or gateway.keys.own}"}
    return connect(url, additional_headers=headers, max_size=None, proxy=None)


def create(socket: Connection, script: Script, **more: Any) -> None:
    """Ask for a response."""
    body = {"type": "response.create", "model": "steady", "input": script.text()} | more
    socket.send(json.dumps(body))


def frames(socket: Connection) -> Iterator[Json]:
    """Yield what comes, up to an end of a response."""
    while True:
        frame: Json = json.loads(socket.recv(PATIENCE_S))
        yield frame
        if frame["type"] in ("response.completed", "response.incomplete", "response.failed"):
            return
        if frame["type"] == "error" and "status" in frame:
            return


def last(socket: Connection) -> Json:
    """Return the end of the response that comes."""
    return list(frames(socket))[-1]


def without_chance(events: list[Json]) -> Json:
    """Return events without their ids and times."""
    text = re.sub(r'"(resp|msg|rs|fc|call)_[A-Za-z0-9_]+"', '"id"', json.dumps(events))
    found: Json = json.loads(re.sub(r'"(created|completed)_at": \d+', '"at": 0', text))
    return found


@pytest.mark.parametrize("provider", APIS)
def test_a_response_has_the_events_of_a_post(gateway: Gateway, provider: str) -> None:
    script = Script(
        reasoning="I look it up.",
        calls=(Call(name="get_weather", arguments='{"city": "Oslo"}'),),
        say="Wait.",
    )
    function = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    body = {"model": f"{provider}/{script.text()}", "input": "Hi", "tools": [function]}
    answer = gateway.call("POST", "/v1/responses", {**body, "stream": True})
    posted: Stream = stream_of(answer.content)
    with opened(gateway) as socket:
        socket.send(json.dumps({"type": "response.create", **body}))
        came = list(frames(socket))
    assert without_chance(came) == without_chance(list(posted.events))
    assert came[-1]["type"] == "response.completed"


def test_openais_client_holds_a_conversation(gateway: Gateway) -> None:
    said = Script(say="cobalt").text()
    with (
        openai.OpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys.own) as client,
        client.responses.connect() as connection,
    ):
        previous: str | None = None
        for _ in range(3):
            connection.response.create(
                model="steady", input=said, store=False, previous_response_id=previous
            )
            ended = next(event for event in connection if event.type == "response.completed")
            assert ended.type == "response.completed"
            assert ended.response.output_text == "cobalt"
            previous = ended.response.id


def test_openais_asynchronous_client_has_lanes(gateway: Gateway) -> None:
    async def talk() -> dict[str | None, str]:
        client = openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys.own)
        said: dict[str | None, str] = {}
        async with client, client.responses.connect() as connection:
            for lane in ("planner", "research"):
                await connection.response.create(
                    model="steady", input=Script(say=lane).text(), stream_id=lane, store=False
                )
            async for event in connection:
                if event.type == "response.completed":
                    said[event.stream_id] = event.response.output_text
                if len(said) == 2:
                    return said
        return said

    expected = {"planner": "planner", "research": "research"}
    assert asyncio.run(talk()) == expected


def test_a_caller_who_leaves_frees_the_upstream(gateway: Gateway, upstream: Upstream) -> None:
    script = Script(tag="ws-gone", say=WORDS, stall_after=1)
    with opened(gateway) as socket:
        create(socket, script)
        made = next(frames(socket))["response"]["id"]
        upstream.wait(script.tag, "stalled")
    upstream.wait(script.tag, "aborted")
    assert gateway.logged(event="request", response_id=made)["status"] == 499
    assert gateway.get(made).json()["status"] == "cancelled"


def test_a_response_is_cancelled_and_its_connection_goes_on(
    gateway: Gateway, upstream: Upstream
) -> None:
    script = Script(tag="ws-cancel", say=WORDS, stall_after=1)
    with opened(gateway) as socket:
        create(socket, script)
        made = next(frames(socket))["response"]["id"]
        upstream.wait(script.tag, "stalled")
        socket.send(json.dumps({"type": "response.cancel", "response_id": made}))
        end = last(socket)
        assert (end["response"]["id"], end["response"]["status"]) == (made, "cancelled")
        assert (end["type"], end["response"]["error"]) == ("response.failed", None)
        upstream.wait(script.tag, "aborted")
        create(socket, Script(say="on"))
        assert last(socket)["response"]["output_text"] == "on"


def test_a_response_is_cancelled_before_its_model_has_said_anything(
    gateway: Gateway, upstream: Upstream
) -> None:
    script = Script(tag="ws-early", say=WORDS, stall_after=-1)
    with opened(gateway) as socket:
        create(socket, script)
        upstream.wait(script.tag, "stalled")
        socket.send(json.dumps({"type": "response.cancel"}))
        *begun, end = frames(socket)
    assert [each["type"] for each in begun] == ["response.created", "response.in_progress"]
    assert (end["type"], end["response"]["status"]) == ("response.failed", "cancelled")
    upstream.wait(script.tag, "aborted")
    line = gateway.logged(event="request", response_id=end["response"]["id"])
    assert (line["status"], line["error_code"]) == (200, "response_cancelled")
    assert gateway.get(end["response"]["id"]).json()["status"] == "cancelled"


def test_a_key_that_is_closed_ends_its_sessions(gateway: Gateway, environment: Any) -> None:
    account = "ws-closing"
    made = gateways.keys(environment, "create", "--account", account)
    with opened(gateway, made["key"]) as socket:
        create(socket, Script(say="yes"))
        assert last(socket)["type"] == "response.completed"
        gateways.keys(environment, "deactivate", made["id"])
        assert json.loads(socket.recv(PATIENCE_S))["status"] == 401
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("ends", ["in time", "late"])
def test_a_stop_ends_what_runs_in_its_frames_and_closes_with_1012(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    gateway: Gateway,
    tmp_path: Path,
    ends: str,
) -> None:
    upstream.reset()
    toml = gateway_toml(upstream.places, keepalive_s=15, grace_s=GRACE_S)
    script = Script(tag=f"ws-stop-{ends}", say=WORDS, stall_after=1)
    with (
        site(environment, keys, tmp_path, toml) as running,
        opened(running.gateway) as socket,
        opened(running.gateway) as idle,
    ):
        create(socket, script)
        upstream.wait(script.tag, "stalled")
        running.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            idle.recv(PATIENCE_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        if ends == "in time":
            upstream.release(script.tag)
        end = last(socket)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert running.process.wait(PATIENCE_S) == 0
    wanted = "completed" if ends == "in time" else "failed"
    assert end["response"]["status"] == wanted
    stored = replace(running.gateway, url=gateway.url).get(end["response"]["id"]).json()
    assert stored["status"] == wanted


def ask_on(socket: Connection, times: int) -> None:
    """Ask for so many responses, then wait for the end of the connection."""
    for _ in range(times):
        create(socket, Script(say="short"), store=False)
        last(socket)
    socket.recv(PATIENCE_S)


def test_responses_count_towards_max_requests(
    environment: dict[str, str], upstream: Upstream, keys: Keys, tmp_path: Path
) -> None:
    toml = gateway_toml(upstream.places, keepalive_s=15, grace_s=GRACE_S)
    options = ["--max-requests", "20"]
    with (
        site(environment, keys, tmp_path, toml, options=options) as running,
        opened(running.gateway) as ours,
        opened(running.gateway) as other,
    ):
        before = running.workers()
        script = Script(tag="recycled", say=("one ", "two"), stall_after=1)
        create(other, script, store=False)
        upstream.wait(script.tag, "stalled")
        with pytest.raises(ConnectionClosed) as closed:
            ask_on(ours, 20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        until(lambda: bool(running.workers() - before), "another worker")
        upstream.release(script.tag)
        assert last(other)["type"] == "response.completed"
        until(lambda: not before & running.workers(), "the old worker to end")


@pytest.mark.parametrize("first", [3, 20, 100, -2])
def test_a_handshake_may_arrive_in_pieces(gateway: Gateway, first: int) -> None:
    key = f"Authorization: Bearer {gateway.keys.own}\r\n\r\n".encode()
    handshake = websocket_bytes("/v1/responses")[:-2] + key
    call = RawCall(gateway.url, handshake[:first])
    time.sleep(0.1)  # else the kernel joins them
    call.socket.sendall(handshake[first:])
    assert call.head()[0] == 101
    call.close()


def test_what_was_acknowledged_outlives_its_process(
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    gateway: Gateway,
    tmp_path: Path,
) -> None:
    toml = gateway_toml(upstream.places, keepalive_s=15)
    with site(environment, keys, tmp_path, toml) as running, opened(running.gateway) as socket:
        create(socket, Script(say="kept"))
        made = last(socket)["response"]
        for pid in running.workers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE_S)
    assert gateway.get(made["id"]).json()["output_text"] == "kept"
