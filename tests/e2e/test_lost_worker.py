"""A worker that is killed loses no job: what had said nothing is run again, the rest fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.background import ended as ended_job
from tests.e2e.gateway import Gateway, running_worker
from tests.e2e.wire import raw_get
from tests.processes import kill
from tests.upstream.client import Upstream
from tests.upstream.script import Script

UNHEARD = Script(tag="lost unheard", say="hello", stall_after=-1)
SPEAKING = Script(tag="lost speaking", say=("one ", "two"), stall_after=1)


def ask(gateway: Gateway, script: Script) -> str:
    """Ask in the background and return the response's id."""
    body = {"model": "steady", "input": script.text(), "background": True}
    response_id: str = gateway.call("POST", "/v1/responses", body).json()["id"]
    return response_id


@pytest.fixture(scope="module")
def ended(
    gevent_gateway: Gateway, upstream: Upstream, environment: dict[str, str], directory: Path
) -> dict[str, dict[str, Any]]:
    """How two jobs ended whose worker was killed and replaced, by the tags of their scripts."""
    gateway = gevent_gateway
    with running_worker(environment, directory / "lost.log") as worker:
        ids = {script.tag: ask(gateway, script) for script in (UNHEARD, SPEAKING)}
        followed = f"/v1/responses/{ids[SPEAKING.tag]}?stream=true"
        with raw_get(gateway.url, gateway.keys.own, followed) as call:
            call.event("response.output_text.delta")
        upstream.wait(UNHEARD.tag, "stalled")
        kill(worker)
    upstream.wait(UNHEARD.tag, "aborted")
    upstream.release(UNHEARD.tag)
    with running_worker(environment, directory / "found.log"):
        return {tag: ended_job(gateway, response_id) for tag, response_id in ids.items()}


def test_a_job_that_had_said_nothing_is_run_again(
    ended: dict[str, dict[str, Any]], upstream: Upstream
) -> None:
    shown = ended[UNHEARD.tag]
    assert (shown["status"], shown["output_text"]) == ("completed", "hello")
    assert len(upstream.requests(UNHEARD.tag)) == 2


def test_a_job_that_had_begun_to_speak_fails_with_what_it_said(
    ended: dict[str, dict[str, Any]], upstream: Upstream
) -> None:
    shown = ended[SPEAKING.tag]
    assert (shown["status"], shown["error"]["code"]) == ("failed", "server_error")
    assert shown["output_text"] == "one "
    assert len(upstream.requests(SPEAKING.tag)) == 1
