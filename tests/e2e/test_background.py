"""Background responses, over real processes: the web's, the worker's, the upstream's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, running_worker
from tests.e2e.wire import RawCall, raw_get, stream_of
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Fail, Script

WORDS = ("one ", "two ", "three")


@pytest.fixture(scope="module", autouse=True)
def worker_log(
    environment: dict[str, str], gevent_gateway: Gateway, directory: Path
) -> Iterator[Path]:
    """A worker of background responses, ready; what it logs is in this file."""
    log_file = directory / "worker.log"
    with running_worker(environment, log_file):
        until(lambda: gevent_gateway.call("GET", "/readyz").status_code == 200, "the worker")
        yield log_file


def ask(gateway: Gateway, script: Script, **more: Any) -> dict[str, Any]:
    """Ask in the background and return what was answered at once."""
    body = {"model": "steady", "input": script.text(), "background": True} | more
    answer = gateway.call("POST", "/v1/responses", body)
    assert answer.status_code == 202, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def ended(gateway: Gateway, response_id: str) -> dict[str, Any]:
    """Wait for a response's end and return it."""
    shown: dict[str, Any] = gateway.call("GET", f"/v1/responses/{response_id}?wait=25").json()
    return shown


def follow(gateway: Gateway, response_id: str) -> AbstractContextManager[RawCall]:
    """Follow a response's events from the first."""
    return raw_get(gateway.url, gateway.keys.own, f"/v1/responses/{response_id}?stream=true")


def test_a_background_response_is_accepted_at_once_and_completed_later(
    gevent_gateway: Gateway, upstream: Upstream
) -> None:
    accepted = ask(gevent_gateway, Script(tag="later", say=WORDS, stall_after=-1))
    assert (accepted["status"], accepted["output"], accepted["usage"]) == ("queued", [], None)
    upstream.wait("later", "stalled")
    upstream.release("later")
    completed = ended(gevent_gateway, accepted["id"])
    assert (completed["status"], completed["output_text"]) == ("completed", "one two three")


def test_the_acceptance_says_where_and_when_to_ask_again(gateway: Gateway) -> None:
    body = {"model": "steady", "input": "hello", "background": True}
    answer = gateway.call("POST", "/v1/responses", body)
    told = (answer.headers["Location"], answer.headers["Retry-After"])
    assert told == (f"/v1/responses/{answer.json()['id']}", "1")


def test_another_process_follows_each_event_as_it_comes(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream
) -> None:
    accepted = ask(gevent_gateway, Script(tag="followed", say=WORDS, step=True))
    with follow(gthread_gateway, accepted["id"]) as call:
        for word in WORDS:
            upstream.release("followed", 1)
            assert call.event("response.output_text.delta")["delta"] == word
        upstream.release("followed")
        assert call.event("response.completed")["response"]["output_text"] == "one two three"


def test_a_replay_is_the_same_every_time_and_from_everywhere(
    gevent_gateway: Gateway, gthread_gateway: Gateway
) -> None:
    response_id = ask(gevent_gateway, Script(say=WORDS))["id"]
    completed = ended(gevent_gateway, response_id)
    path = f"/v1/responses/{response_id}?stream=true"
    here, there = (gateway.call("GET", path) for gateway in (gevent_gateway, gthread_gateway))
    assert here.content == there.content
    assert stream_of(here.content).response == completed
    rest = gevent_gateway.call("GET", f"{path}&starting_after=4")
    assert here.content.endswith(rest.content)
    assert rest.content.count(b'"sequence_number":5,') == 1


def test_a_cancelled_response_frees_the_upstream_and_stays_cancelled(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream
) -> None:
    response_id = ask(gevent_gateway, Script(tag="stop", say=WORDS, stall_after=1))["id"]
    with follow(gevent_gateway, response_id) as call:
        call.event("response.output_text.delta")
        cancelled = gthread_gateway.call("POST", f"/v1/responses/{response_id}/cancel").json()
        upstream.wait("stop", "aborted")
        told = call.event("response.failed")["response"]
    assert (cancelled["status"], told["status"], told["error"]) == ("cancelled",) * 2 + (None,)
    assert gevent_gateway.get(response_id).json()["status"] == "cancelled"


def test_a_caller_who_leaves_does_not_end_a_background_response(
    gevent_gateway: Gateway, upstream: Upstream
) -> None:
    response_id = ask(gevent_gateway, Script(tag="alone", say=WORDS, stall_after=1))["id"]
    with follow(gevent_gateway, response_id) as call:
        call.event("response.output_text.delta")
    upstream.release("alone")
    assert ended(gevent_gateway, response_id)["status"] == "completed"


def test_a_refused_background_response_has_failed(gevent_gateway: Gateway) -> None:
    response_id = ask(gevent_gateway, Script(fail=Fail(status=400, message="no, thanks")))["id"]
    failed = ended(gevent_gateway, response_id)
    assert (failed["status"], "no, thanks" in failed["error"]["message"]) == ("failed", True)


def test_a_background_response_can_be_continued(gevent_gateway: Gateway) -> None:
    first = ended(gevent_gateway, ask(gevent_gateway, Script(say="one"))["id"])
    second = gevent_gateway.create("and then?", previous_response_id=first["id"])
    assert second["output_text"] == "Turn 3 said: and then?"


@pytest.mark.parametrize("fault", [None, 0, 1], ids=["answered", "unheard", "speaking"])
def test_the_workers_log_holds_no_prompt_no_answer_and_no_key(
    gevent_gateway: Gateway, worker_log: Path, fault: int | None
) -> None:
    script = Script(tag="my-prompt", say=("my-answer ", "!"), cut_after=fault, cut="end")
    ended(gevent_gateway, ask(gevent_gateway, script, model="troubled-and-private/m")["id"])
    log = worker_log.read_text()
    secrets = ["my-prompt", "my-answer", UPSTREAM_KEY, gevent_gateway.keys.own]
    assert [secret for secret in secrets if secret in log] == []
