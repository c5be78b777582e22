"""The test bed does what it is told, or no test that leans on it means anything."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
import requests

from tests.processes import PATIENCE_S
from tests.upstream.client import Upstream, running
from tests.upstream.script import Call, Fail, Script

PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with running() as upstream:
        yield upstream


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def body(script: Script | str, path: str = PATHS[0], *, stream: bool = False) -> dict[str, Any]:
    heard = script if isinstance(script, str) else script.text()
    parameters: dict[str, Any] = {"input": heard}
    if path != "/v1/responses":
        parameters = {"messages": [{"role": "user", "content": heard}]}
    return {"model": "m", "stream": stream} | parameters


def open_call(upstream: Upstream, script: Script, *, stream: bool = True) -> socket.socket:
    """Send a request and leave its answer unread."""
    place = urlsplit(upstream.places.url)
    sent = requests.Request(
        "POST", upstream.places.url + PATHS[0], json=body(script, stream=stream)
    )
    prepared = sent.prepare()
    assert isinstance(prepared.body, bytes)
    connection = socket.create_connection((place.hostname, place.port), timeout=PATIENCE_S)
    head = f"POST {PATHS[0]} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(prepared.body)}\r\n\r\n"
    connection.sendall(head.encode() + prepared.body)
    return connection


@pytest.mark.parametrize("path", PATHS)
def test_a_plain_text_is_told_back_with_its_turn(
    upstream: Upstream, session: requests.Session, path: str
) -> None:
    answer = session.post(upstream.places.url + path, json=body("hello you", path))
    assert "Turn 1 said: hello you" in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_pair_of_utf_16_is_cut_between_two_deltas(
    upstream: Upstream, session: requests.Session, path: str
) -> None:
    script = Script(say="A\U0001f600B", utf16=True)
    stream = session.post(upstream.places.url + path, json=body(script, path, stream=True)).text
    whole = session.post(upstream.places.url + path, json=body(script, path)).text
    halves = [stream.index('"\\ud83d"'), stream.index('"\\ude00"')]
    assert "\n\n" in stream[slice(*halves)]
    assert "\\ud83d\\ude00" in whole


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_brings_every_piece_of_the_script(
    upstream: Upstream, session: requests.Session, path: str
) -> None:
    answer = session.post(
        upstream.places.url + path, json=body(Script(say=("one ", "two")), path, stream=True)
    )
    assert answer.text.count('"one "') == answer.text.count('"two"') == 1


def test_the_openai_sdk_reads_the_responses_stream_as_it_reads_the_whole_answer(
    upstream: Upstream,
) -> None:
    script = Script(
        reasoning="let me see", say="é, yes", calls=(Call(name="f", arguments='{"a":1}'),)
    )
    with openai.OpenAI(base_url=upstream.places.url + "/v1", api_key="k") as client:
        whole = client.responses.create(model="m", input=script.text())
        with client.responses.stream(model="m", input=script.text()) as stream:
            streamed = stream.get_final_response()
    assert streamed.output_text == whole.output_text == "é, yes"
    assert [item.type for item in streamed.output] == ["reasoning", "message", "function_call"]


@pytest.mark.parametrize("path", PATHS)
def test_a_told_failure_comes_with_its_status_headers_and_a_message(
    upstream: Upstream, session: requests.Session, path: str
) -> None:
    script = Script(fail=Fail(status=529, message="too busy", headers=(("Retry-After", "3"),)))
    answer = session.post(upstream.places.url + path, json=body(script, path, stream=True))
    assert (answer.status_code, answer.headers["retry-after"]) == (529, "3")
    assert answer.json()["error"]["message"] == "too busy"


def test_a_script_with_an_unknown_field_is_refused(
    upstream: Upstream, session: requests.Session
) -> None:
    answer = session.post(upstream.places.url + PATHS[0], json=body('{"say": "x", "sya": "y"}'))
    assert (answer.status_code, "sya" in answer.text) == (400, True)


def test_armed_scripts_are_taken_once_each_before_the_texts_own(
    upstream: Upstream, session: requests.Session
) -> None:
    upstream.arm(Script(fail=Fail(status=503)), Script(say="second"), model="m")
    answers = [session.post(upstream.places.url + PATHS[0], json=body("third")) for _ in "123"]
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert ["second" in answers[1].text, "third" in answers[2].text] == [True, True]


@pytest.mark.parametrize("path", PATHS)
def test_what_no_strict_server_takes_is_refused_in_the_formats_form(
    upstream: Upstream, session: requests.Session, path: str
) -> None:
    answer = session.post(upstream.places.url + path, json=body("hello", path) | {"odd": 1})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_what_was_sent_is_shown_with_its_headers_and_body(
    upstream: Upstream, session: requests.Session
) -> None:
    given = body(Script(tag="shown"), PATHS[1])
    session.post(upstream.places.url + PATHS[1], json=given, headers={"X-Api-Key": "secret"})
    (seen,) = upstream.requests("shown")
    assert (seen["body"], seen["headers"]["x-api-key"], seen["path"]) == (given, "secret", PATHS[1])


def test_a_stalled_stream_says_nothing_more_until_it_is_released(upstream: Upstream) -> None:
    with closing(
        open_call(upstream, Script(tag="stall", say=("one", "two"), stall_after=1))
    ) as call:
        upstream.wait("stall", "stalled")
        before = call.recv(65536)
        upstream.release("stall")
        after = call.recv(65536)
    assert (b'"one"' in before, b'"two"' in before, b'"two"' in after) == (True, False, True)


def test_a_stepping_stream_takes_one_piece_a_release(upstream: Upstream) -> None:
    with closing(open_call(upstream, Script(tag="step", say=("one", "two"), step=True))) as call:
        call.recv(65536)
        upstream.release("step", 1)
        first = call.recv(65536)
        upstream.release("step", 1)
        second = call.recv(65536)
    assert (b'"one"' in first, b'"two"' in first, b'"two"' in second) == (True, False, True)


def test_a_caller_who_leaves_is_seen_while_the_upstream_is_silent(upstream: Upstream) -> None:
    with closing(open_call(upstream, Script(tag="gone", stall_after=-1), stream=False)):
        upstream.wait("gone", "stalled")
    (seen,) = upstream.wait("gone", "aborted")
    assert seen["state"] == "aborted"


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        (Script(say="é", cut_after=1), b'"\xc3\xa9"},"finish_reason":null}]}\n\n\r\n'),
        (Script(say="é", cut_after=0, cut="utf8"), b'"content":"\xc3'),
        (Script(say="é", cut_after=1, cut="end"), b"\r\n0\r\n\r\n"),
        (Script(say="é", finish="none"), b"\n\n\r\n0\r\n\r\n"),
        (Script(say="é", error_after=1), b'"code":null}}\n\n\r\n0\r\n\r\n'),
        (Script(garbage="head"), b"this is no HTTP\r\n\r\n"),
        (Script(garbage="line", garbage_bytes=100_000), b"aaaaaa"),
    ],
)
def test_a_stream_can_end_in_every_bad_way(
    upstream: Upstream, script: Script, ending: bytes
) -> None:
    with closing(open_call(upstream, script)) as call:
        call.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: call.recv(65536), b""))
    assert data.endswith(ending)


def test_a_stream_can_be_reset(upstream: Upstream) -> None:
    call = open_call(upstream, Script(cut_after=-1, cut="reset"))
    with closing(call), pytest.raises(ConnectionResetError):
        call.recv(1)


def test_bad_places_fail_as_their_names_say(upstream: Upstream) -> None:
    def failure(place: str) -> type[BaseException]:
        where = urlsplit(place)
        try:
            with socket.create_connection((where.hostname, where.port), timeout=0.2) as call:
                call.settimeout(PATIENCE_S)
                call.recv(1)
        except OSError as error:
            return type(error)
        raise AssertionError(place)

    places = upstream.places
    assert failure(places.refused) is ConnectionRefusedError
    assert failure(places.reset) is ConnectionResetError
    assert failure(places.deaf) is TimeoutError


def test_the_tls_place_has_a_certificate_that_nobody_trusts(upstream: Upstream) -> None:
    where = urlsplit(upstream.places.tls)
    context = ssl.create_default_context()
    with (
        socket.create_connection((where.hostname, where.port), timeout=PATIENCE_S) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")
