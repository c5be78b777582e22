"""Background responses over real sockets: polled, followed by many, cancelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests

from tests.e2e.background import cancel, checked, ended, events_of, following, queued, shown, spoken
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Counted, Fail, Script

MODELS = [f"{provider}/steady" for provider in APIS]
FOLLOWERS = 40

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A name for what this test has the upstream do."""
    return str(request.node.nodeid)


def halted(tag: str, **more: Any) -> Script:
    """Return a script that says "one ", then waits for its release to say "two"."""
    return Script(say=("one ", "two"), stall_after=1, tag=tag, **more)


# Polling


def test_it_is_accepted_at_once(gateway: Gateway) -> None:
    body = {"model": "steady", "input": "hello you", "background": True}
    answer = gateway.call("POST", "/v1/responses", body)
    response = answer.json()
    assert (answer.status_code, response["status"]) == (202, "queued")
    assert (response["output"], response["usage"]) == ([], None)
    assert answer.headers["Location"] == f"/v1/responses/{response['id']}"
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("model", MODELS)
def test_it_is_there_in_the_end(either_gateway: Gateway, model: str) -> None:
    response = ended(either_gateway, queued(either_gateway, "hello you", model=model))
    assert (response["status"], response["output_text"]) == ("completed", "Turn 1 said: hello you")
    assert response["completed_at"] is not None
    assert response["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_character_that_the_upstream_cuts_in_two_is_stored_and_followed_whole(
    gateway: Gateway, model: str
) -> None:
    response_id = queued(gateway, Script(say="A\U0001f600B", utf16=True), model=model)
    assert ended(gateway, response_id)["output_text"] == "A\U0001f600B"
    deltas = [event for event in events_of(gateway, response_id) if "delta" in event]
    assert "".join(event["delta"] for event in deltas) == "A\U0001f600B"


def test_it_is_what_the_same_request_brings_at_once(gateway: Gateway) -> None:
    script = Script(
        reasoning="let me think",
        say="naïve café",
        calls=(Call(name="weather", arguments='{"city":"Zürich"}', id="call_abc"),),
        usage=Counted(input=20, output=9, cached=4, reasoning=3),
    )
    made = ended(gateway, queued(gateway, script))
    at_once = gateway.create(script.text())
    assert alike(made) == alike(at_once)


def alike(response: dict[str, Any]) -> dict[str, Any]:
    """Return what two answers to one request have in common."""
    items = [{**item, "id": ""} for item in response["output"]]
    own = {"id": "", "created_at": 0, "completed_at": 0, "background": None, "output": items}
    return response | own


def test_what_was_said_so_far_can_be_seen(
    either_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag))
    response = spoken(either_gateway, response_id, "one ")
    assert (response["status"], response["output"][0]["status"]) == ("in_progress", "in_progress")
    upstream.release(tag)
    assert ended(either_gateway, response_id)["output_text"] == "one two"


def test_who_waits_for_the_end_is_woken_by_it(
    either_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag))
    upstream.wait(tag, "stalled")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ended, either_gateway, response_id)
        upstream.release(tag)
        assert waiting.result()["status"] == "completed"


def test_who_waits_hears_no_later_than_asked(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    upstream.wait(tag, "stalled")
    answer = gateway.call("GET", f"/v1/responses/{response_id}?wait=1")
    assert answer.json()["status"] == "in_progress"
    upstream.release(tag)


def test_an_upstream_that_fails_makes_it_fail(gateway: Gateway) -> None:
    response_id = queued(gateway, Script(fail=Fail(status=400, message="no such thing")))
    response = ended(gateway, response_id)
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert "no such thing" in response["error"]["message"]
    assert events_of(gateway, response_id)[-1]["response"] == response


def test_an_upstream_that_breaks_off_makes_it_fail_with_what_it_said(gateway: Gateway) -> None:
    response_id = queued(gateway, Script(say=("one ", "two"), cut_after=1), model="breaking/steady")
    response = ended(gateway, response_id)
    assert (response["status"], response["output_text"]) == ("failed", "one ")
    assert events_of(gateway, response_id)[-1]["response"] == response


@pytest.mark.parametrize("more", [{"stream": True}, {"store": False}])
def test_it_is_neither_streamed_at_once_nor_forgotten(
    gateway: Gateway, more: dict[str, Any]
) -> None:
    body = {"model": "steady", "input": "hello", "background": True} | more
    answer = gateway.call("POST", "/v1/responses", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "background")


def test_it_can_be_continued_once_it_has_ended(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    body = {"model": "steady", "input": "go on", "previous_response_id": response_id}
    refused = gateway.call("POST", "/v1/responses", body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "previous_response_id")
    upstream.release(tag)
    ended(gateway, response_id)
    next_id = queued(gateway, "go on", previous_response_id=response_id)
    assert ended(gateway, next_id)["output_text"] == "Turn 3 said: go on"


def test_its_input_can_be_listed_while_it_runs(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    script = halted(tag)
    response_id = queued(gateway, script)
    path = f"/v1/responses/{response_id}/input_items"
    before = gateway.call("GET", path).json()
    upstream.release(tag)
    ended(gateway, response_id)
    assert before["data"][0]["content"][0]["text"] == script.text()
    assert gateway.call("GET", path).json() == before


# Following


def test_it_is_followed_as_it_is_told(
    either_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag))
    with following(either_gateway, response_id) as call:
        assert call.event("response.output_text.delta")["delta"] == "one "
        upstream.release(tag)
        assert call.event("response.output_text.delta")["delta"] == "two"
        events = checked(call.body())
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"] == shown(either_gateway, response_id)


def test_it_begins_for_its_followers_before_the_upstream_speaks(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, Script(stall_after=-1, tag=tag))
    with following(gateway, response_id) as call:
        assert call.event("response.in_progress")["response"]["status"] == "in_progress"
        upstream.release(tag)
        checked(call.body())


def test_a_replay_is_exact_in_every_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gevent_gateway, halted(tag))
    with following(gevent_gateway, response_id) as call:
        call.event("response.output_text.delta")
        upstream.release(tag)
        live = checked(call.body())
    assert events_of(gevent_gateway, response_id) == events_of(gthread_gateway, response_id) == live


def test_it_can_be_followed_from_any_event_on(gateway: Gateway) -> None:
    response_id = queued(gateway, Script(events=200))
    ended(gateway, response_id)
    events = events_of(gateway, response_id)
    for number in (0, 1, 5, 63, 64, 150, len(events) - 2):
        assert events_of(gateway, response_id, number) == events[number + 1 :]


@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_behind_the_last_event_there_is_nothing(gateway: Gateway, beyond: int) -> None:
    response_id = queued(gateway, "hello")
    ended(gateway, response_id)
    last = events_of(gateway, response_id)[-1]["sequence_number"]
    path = f"/v1/responses/{response_id}?stream=true&starting_after={last + beyond}"
    assert gateway.call("GET", path).content == b"data: [DONE]\n\n"


def test_many_followers_see_the_same(either_gateway: Gateway, upstream: Upstream, tag: str) -> None:
    script = Script(events=300, interval_s=0.002, stall_after=2, tag=tag)
    response_id = queued(either_gateway, script)
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        streams = [pool.submit(follow_alone, either_gateway, response_id) for _ in range(FOLLOWERS)]
        upstream.wait(tag, "stalled")
        upstream.release(tag)
        (body,) = {stream.result() for stream in streams}
    assert checked(body)[-1]["response"]["output_text"].count(" ") >= 299


def follow_alone(gateway: Gateway, response_id: str) -> bytes:
    """Follow on a connection of one's own; return the stream without its comments."""
    path = f"{gateway.url}/v1/responses/{response_id}?stream=true"
    key = {"Authorization": f"Bearer {gateway.keys.own}"}
    frames = requests.get(path, headers=key, timeout=PATIENCE_S).content.split(b"\n\n")
    return b"\n\n".join(frame for frame in frames if not frame.startswith(b":"))


def test_a_follower_that_leaves_harms_nobody(
    either_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag))
    with following(either_gateway, response_id) as stays:
        with following(either_gateway, response_id) as leaves:
            leaves.event("response.output_text.delta")
        stays.event("response.output_text.delta")
        left = {"event": "request", "endpoint": "/v1/responses/<response_id>"}
        until(lambda: bool(either_gateway.log_lines(**left)), "the follower to have left")
        upstream.release(tag)
        assert checked(stays.body())[-1]["response"]["status"] == "completed"


def test_a_silent_stream_is_kept_alive(
    impatient_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(impatient_gateway, halted(tag))
    with following(impatient_gateway, response_id) as call:
        call.event("response.output_text.delta")
        assert next(call.frames) == b": keep-alive"
        upstream.release(tag)
        checked(call.body())


def test_only_background_responses_can_be_followed(gateway: Gateway) -> None:
    response_id = gateway.create("hello")["id"]
    answer = gateway.call("GET", f"/v1/responses/{response_id}?stream=true")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream")


def test_another_accounts_response_cannot_be_followed(gateway: Gateway) -> None:
    response_id = queued(gateway, "hello")
    path = f"/v1/responses/{response_id}?stream=true"
    answer = gateway.call("GET", path, key=gateway.keys.foreign)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "response_not_found")


# Cancelling


@pytest.mark.parametrize("model", MODELS)
def test_cancelling_closes_the_upstream_and_keeps_what_was_said(
    either_gateway: Gateway, upstream: Upstream, model: str, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag), model=model)
    spoken(either_gateway, response_id, "one ")
    response = cancel(either_gateway, response_id)
    assert (response["status"], response["error"]) == ("cancelled", None)
    assert response["output_text"] == "one "
    assert [item["status"] for item in response["output"]] == ["incomplete"]
    upstream.wait(tag, "aborted")
    assert shown(either_gateway, response_id) == response


def test_what_the_upstream_had_counted_is_kept(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    script = halted(tag, usage=Counted(input=23))
    response_id = queued(gateway, script, model="anthropic/steady")
    spoken(gateway, response_id, "one ")
    assert cancel(gateway, response_id)["usage"]["input_tokens"] == 23
    upstream.wait(tag, "aborted")


def test_cancelling_frees_an_upstream_that_has_not_spoken(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, Script(stall_after=-1, tag=tag))
    upstream.wait(tag, "stalled")
    assert cancel(gateway, response_id)["status"] == "cancelled"
    upstream.wait(tag, "aborted")


def test_cancelling_twice_is_cancelling(gateway: Gateway, upstream: Upstream, tag: str) -> None:
    response_id = queued(gateway, halted(tag))
    spoken(gateway, response_id, "one ")
    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(cancel, [gateway] * 8, [response_id] * 8)
    assert first["status"] == "cancelled"
    assert all(other == first for other in others)
    assert cancel(gateway, response_id) == first


def test_followers_of_what_is_cancelled_see_its_end(
    either_gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(either_gateway, halted(tag))
    with following(either_gateway, response_id) as call:
        call.event("response.output_text.delta")
        response = cancel(either_gateway, response_id)
        last = checked(call.body())[-1]
    assert (last["type"], last["response"]) == ("response.failed", response)
    assert (last["response"]["status"], last["response"]["error"]) == ("cancelled", None)


def test_what_has_ended_stays_as_it_is(gateway: Gateway) -> None:
    response = ended(gateway, queued(gateway, "hello"))
    assert cancel(gateway, response["id"]) == response


def test_only_background_responses_can_be_cancelled(gateway: Gateway) -> None:
    response_id = gateway.create("hello")["id"]
    answer = gateway.call("POST", f"/v1/responses/{response_id}/cancel")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_another_accounts_response_cannot_be_cancelled(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    path = f"/v1/responses/{response_id}/cancel"
    assert gateway.call("POST", path, key=gateway.keys.foreign).status_code == 404
    upstream.release(tag)
    assert ended(gateway, response_id)["status"] == "completed"


def test_what_is_deleted_while_it_runs_is_cancelled_first(
    gateway: Gateway, upstream: Upstream, tag: str
) -> None:
    response_id = queued(gateway, halted(tag))
    spoken(gateway, response_id, "one ")
    path = f"/v1/responses/{response_id}"
    assert gateway.call("DELETE", path).json()["deleted"] is True
    upstream.wait(tag, "aborted")
    assert gateway.call("DELETE", path).status_code == 404
    assert gateway.get(response_id).status_code == 404
    assert gateway.call("GET", f"{path}?stream=true").status_code == 404


# OpenAI's own client


def test_the_openai_client_creates_polls_and_cancels(
    openai_client: openai.OpenAI, upstream: Upstream, tag: str
) -> None:
    script = halted(tag).text()
    made = openai_client.responses.create(model="steady", input=script, background=True)
    assert made.status == "queued"
    until(lambda: openai_client.responses.retrieve(made.id).output_text == "one ", "a word")
    cancelled = openai_client.responses.cancel(made.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "one ")
    upstream.wait(tag, "aborted")


def test_the_openai_client_streams_what_it_asked_for_before(
    openai_client: openai.OpenAI,
) -> None:
    made = openai_client.responses.create(model="steady", input="one two", background=True)
    with openai_client.responses.stream(response_id=made.id) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == "Turn 1 said: one two"


def test_the_openai_client_goes_on_where_it_was_cut_off(openai_client: openai.OpenAI) -> None:
    made = openai_client.responses.create(model="steady", input="one two", background=True)
    whole = list(openai_client.responses.retrieve(made.id, stream=True))
    rest = list(openai_client.responses.retrieve(made.id, stream=True, starting_after=4))
    assert [event.sequence_number for event in whole] == list(range(len(whole)))
    assert rest == whole[5:]
