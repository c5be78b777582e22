"""How a stream leaves: at once, in whole frames, and to its end."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.stream_check.checker import check_stream
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.wire import raw_post
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

WORDS = ("one ", "two ", "three ", "four")


def body_of(script: Script, model: str = "steady") -> dict[str, object]:
    return {"model": model, "input": script.text(), "stream": True}


@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_no_event_is_held_back(either_gateway: Gateway, upstream: Upstream, model: str) -> None:
    """Each word is read here before the upstream is allowed to say the next."""
    tag = f"step {model} {either_gateway.url}"
    script = Script(say=WORDS, step=True, tag=tag)
    with raw_post(either_gateway.url, either_gateway.keys.own, body_of(script, model)) as call:
        for word in WORDS:
            upstream.release(tag, 1)
            assert call.event("response.output_text.delta")["delta"] == word
        upstream.release(tag)
        assert call.event("response.completed")["response"]["output_text"] == "".join(WORDS)


@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_a_stream_is_sent_again_to_the_byte_by_any_process(
    gevent_gateway: Gateway, gthread_gateway: Gateway, model: str
) -> None:
    """Both gateways are on one Redis."""
    call = Call(name="weather", arguments='{"city":"Zürich"}')
    script = Script(say=WORDS, reasoning="Well ... well.", calls=(call, call))
    answer = gevent_gateway.call("POST", "/v1/responses", body_of(script, model))
    first = b"\n\n".join(each for each in answer.content.split(b"\n\n") if each[:1] != b":")
    response_id = first.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    again = gthread_gateway.call("GET", f"/v1/responses/{response_id}?stream=true")
    assert again.content == first


def test_a_stream_that_was_cut_is_sent_again_to_its_end(gateway: Gateway) -> None:
    script = Script(say=WORDS, cut_after=2, cut="close")
    answer = gateway.call("POST", "/v1/responses", body_of(script))
    assert b"response.failed" in answer.content
    response_id = answer.content.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    again = gateway.call("GET", f"/v1/responses/{response_id}?stream=true")
    assert again.content == answer.content


def test_every_write_holds_whole_frames(either_gateway: Gateway) -> None:
    script = Script(say=("é" * 5000, "two"))
    with raw_post(either_gateway.url, either_gateway.keys.own, body_of(script)) as call:
        call.head()
        chunks = list(call.chunks())
    assert [chunk for chunk in chunks if not chunk.endswith(b"\n\n")] == []
    assert b"\r" not in b"".join(chunks)


def test_a_stream_ends_with_done_and_nothing_after_it(either_gateway: Gateway) -> None:
    script = Script(say="hello")
    with raw_post(either_gateway.url, either_gateway.keys.own, body_of(script)) as call:
        call.head()
        body = b"".join(call.chunks())
    assert body.endswith(b"\n\ndata: [DONE]\n\n")


def test_a_stream_is_declared_as_one_that_nobody_shall_buffer(either_gateway: Gateway) -> None:
    script = Script(say="hello")
    with raw_post(either_gateway.url, either_gateway.keys.own, body_of(script)) as call:
        status, headers = call.head()
    wanted = ("content-type", "cache-control", "x-accel-buffering", "transfer-encoding")
    assert (status, [headers.get(name) for name in wanted]) == (
        200,
        ["text/event-stream; charset=utf-8", "no-cache", "no", "chunked"],
    )


def test_a_silent_upstream_is_bridged_by_comments(
    impatient_gateway: Gateway, upstream: Upstream
) -> None:
    tag = "silence"
    script = Script(say=WORDS, stall_after=1, tag=tag)
    with raw_post(impatient_gateway.url, impatient_gateway.keys.own, body_of(script)) as call:
        assert call.event("response.output_text.delta")["delta"] == "one "
        assert next(call.frames).startswith(b":")
        upstream.release(tag)
        assert call.event("response.completed")["sequence_number"] == 11


def test_an_upstream_that_thinks_for_long_does_not_keep_the_stream_from_beginning(
    impatient_gateway: Gateway, upstream: Upstream
) -> None:
    tag = "thinking"
    script = Script(say=WORDS, stall_after=-1, tag=tag)
    with raw_post(impatient_gateway.url, impatient_gateway.keys.own, body_of(script)) as call:
        assert call.head()[0] == 200
        call.event("response.in_progress")
        assert next(call.frames).startswith(b":")
        upstream.release(tag)
        assert call.event("response.completed")["response"]["output_text"] == "".join(WORDS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_an_answer_that_drips_in_byte_by_byte_is_put_together(
    either_gateway: Gateway, model: str, stream: bool
) -> None:
    script = Script(reasoning="Mhm …", say="Grüße, 世界 🌍", drip=1).text()
    shown = (
        either_gateway.stream(script, model=model).response
        if stream
        else either_gateway.create(script, model=model)
    )
    assert shown["output_text"] == "Grüße, 世界 🌍"


def test_two_hundred_streams_at_once_are_all_told_in_full(
    either_gateway: Gateway, upstream: Upstream
) -> None:
    """All are open at the same time: none is let on before the last has reached the upstream."""
    tag = f"crowd {either_gateway.url}"
    script = Script(tag=tag, events=20, interval_s=0.01, stall_after=1)
    url, key = either_gateway.url, either_gateway.keys.own
    with ExitStack() as stack:
        calls = [stack.enter_context(raw_post(url, key, body_of(script))) for _ in range(200)]
        upstream.wait(tag, "stalled", len(calls))
        upstream.release(tag)
        ended = [call.event("response.completed")["response"] for call in calls]
    words = "".join(f"word{number} " for number in range(20))
    assert [response["output_text"] for response in ended] == [words] * 200


def test_a_connection_serves_one_request_after_another(either_gateway: Gateway) -> None:
    answers = [either_gateway.stream("hello").response["status"] for _ in range(3)]
    assert answers == ["completed"] * 3


@pytest.mark.parametrize("model", [f"{provider}/steady" for provider in APIS])
def test_a_character_that_the_upstream_cuts_in_two_comes_out_whole(
    gateway: Gateway, model: str
) -> None:
    script = Script(say="A\U0001f600B", utf16=True)
    with raw_post(gateway.url, gateway.keys.own, body_of(script, model)) as call:
        call.head()
        body = b"".join(call.chunks())
    check_stream(body.splitlines(keepends=True))
    assert '"output_text":"A\U0001f600B"'.encode() in body.split(b"response.completed")[-1]
