"""The HTTP provider with a server at the other end, which speaks Chat: streams, silence, cuts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from app.domain.answer_options import TextOptions
from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch, Finished, Text, Used
from app.errors import UpstreamMisbehaved, UpstreamRateLimited, UpstreamUnavailable
from app.providers.http import HTTPProvider
from app.providers.openai_chat import ChatFormat
from app.providers.openai_responses import ResponsesFormat
from app.providers.profiles import PROFILES
from app.providers.transport import Transport
from tests.providers.calling import API_KEY, a_call, settings
from tests.providers.chatting import GENERIC, request
from tests.providers.raw_server import OK, Heard, RawServer, Script, Wire


def provider(url: str) -> HTTPProvider:
    configured = settings(url)
    return HTTPProvider(Transport(configured), GENERIC, ChatFormat())


def chunk(**choice: Any) -> bytes:
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


HELLO = [
    chunk(delta={"content": "Hel"}),
    chunk(delta={"content": "lo"}) + chunk(delta={}, finish_reason="stop"),
    b"data: [DONE]\n\n",
]


def streaming(*pieces: bytes, heard: list[Heard] | None = None) -> Script:
    """Answer one request with an event stream, and end it in order."""

    def script(wire: Wire) -> None:
        sent = wire.hear()
        if heard is not None:
            heard.append(sent)
        wire.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            wire.say(b"%x\r\n%s\r\n" % (len(piece), piece))
        wire.say(b"0\r\n\r\n")

    return script


def answered(model_request: ModelRequest, *pieces: bytes) -> list[Batch]:
    with RawServer(streaming(*pieces)) as server:
        return list(provider(server.url).answer(model_request, a_call()))


def test_a_stream_is_told_as_it_comes() -> None:
    deltas = [delta for batch in answered(request(stream=True), *HELLO) for delta in batch]
    assert deltas == [Text("Hel"), Text("lo"), Finished("stop")]


def test_a_whole_answer_is_one_batch() -> None:
    body = orjson.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})
    assert answered(request(), body) == [[Text("Hello"), Finished("stop")]]


def test_the_request_goes_to_the_completions_with_the_key() -> None:
    heard: list[Heard] = []
    with RawServer(streaming(*HELLO, heard=heard)) as server:
        list(provider(server.url).answer(request(stream=True), a_call()))
    assert heard[0].line == "POST /v1/chat/completions HTTP/1.1"
    assert heard[0].headers["authorization"] == f"Bearer {API_KEY}"
    assert orjson.loads(heard[0].body)["messages"] == [{"role": "user", "content": "Hello."}]


def test_nothing_is_sent_before_the_first_batch_is_asked_for() -> None:
    with RawServer(streaming(*HELLO)) as server:
        provider(server.url).answer(request(stream=True), a_call())
        assert server.served == 0


def test_pieces_of_frames_are_no_batches() -> None:
    text = b"".join(HELLO)
    pieces = [text[i : i + 9] for i in range(0, len(text), 9)]
    assert [] not in answered(request(stream=True), *pieces)


def test_silence_is_an_empty_batch() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.wait_for_hang_up()

    with RawServer(script) as server:
        batches = provider(server.url).answer(request(stream=True), a_call(silence_s=0.01))
        assert next(iter(batches)) == []


def test_a_server_that_sends_only_comments_is_silent() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"\r\n")
        while True:
            wire.say(b": still here\n\n")
            wire.sock.settimeout(0.002)
            try:
                if not wire.sock.recv(1):
                    return
            except TimeoutError:
                continue

    with RawServer(script) as server:
        batches = provider(server.url).answer(request(stream=True), a_call(silence_s=0.05))
        assert next(iter(batches)) == []


def test_the_last_frame_may_lack_its_blank_line() -> None:
    batches = answered(request(stream=True), HELLO[0], HELLO[1].removesuffix(b"\n"))
    assert batches[-1] == [Finished("stop")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        pytest.param([chunk(delta={"content": "Hel"})], id="words"),
        pytest.param([chunk(delta={"role": "assistant", "content": ""})], id="no-words"),
        pytest.param([b": nothing yet\n\n"], id="a-comment"),
        pytest.param([b"da", chunk(delta={"role": "assistant"})[2:]], id="in-pieces"),
        pytest.param([b'{"id":"1","choices":[]}\n{"id":"1","choices":[]}\n'], id="lines-of-JSON"),
    ],
)
def test_a_stream_that_just_ends_has_broken_off(said: list[bytes], stream: bool) -> None:
    with RawServer(streaming(*said)) as server:
        batches = provider(server.url).answer(request(stream=stream), a_call())
        with pytest.raises(UpstreamUnavailable) as raised:
            list(batches)
    assert raised.value.work_done


@pytest.mark.parametrize(
    "said", [[], [b"\n\n"], [b"upstream is away\n\n"]], ids=["nothing", "blanks", "nonsense"]
)
def test_a_stream_that_never_begins_is_no_answer(said: list[bytes]) -> None:
    with pytest.raises(UpstreamMisbehaved, match="no JSON"):
        answered(request(stream=True), *said)


def test_a_stream_that_is_cut_fails() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        wire.say(b"%x\r\n%s\r\n" % (len(HELLO[0]), HELLO[0]))

    with RawServer(script) as server:
        batches = iter(provider(server.url).answer(request(stream=True), a_call()))
        assert next(batches) == [Text("Hel")]
        with pytest.raises(UpstreamUnavailable, match="broke off its answer: connection lost"):
            next(batches)


def test_a_stream_that_ends_too_soon_fails() -> None:
    with pytest.raises(UpstreamUnavailable, match="it ended without a finish reason"):
        answered(request(stream=True), HELLO[0])


def test_an_error_in_a_stream_frees_the_connection() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"\r\n" + b'data: {"error": {"message": "boom"}}\n\n')
        wire.wait_for_hang_up()

    with RawServer(script) as server, pytest.raises(UpstreamUnavailable):
        list(provider(server.url).answer(request(stream=True), a_call()))


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_is_raised(stream: bool) -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(b"{}", b"HTTP/1.1 429 Slow down\r\nRetry-After: 3\r\n")

    with RawServer(script) as server, pytest.raises(UpstreamRateLimited) as caught:
        list(provider(server.url).answer(request(stream=stream), a_call()))
    assert caught.value.retry_after_s == 3


def test_a_connection_is_used_again_after_a_stream() -> None:
    def script(wire: Wire) -> None:
        while True:
            streaming(*HELLO)(wire)

    with RawServer(script) as server:
        acme = provider(server.url)
        for _ in range(2):
            list(acme.answer(request(stream=True), a_call()))
        assert server.served == 1


def test_the_models_are_listed_in_order() -> None:
    listed = {"data": [{"id": "b"}, {"id": "a"}, {"id": "b"}, {"id": None}]}
    with RawServer(lambda wire: wire.answer(wire.hear().body + orjson.dumps(listed))) as server:
        assert provider(server.url).models() == ("b", "a")


@pytest.mark.parametrize("said", [b"", b"{}", b'{"data": [7]}', b'{"data": [{}]}'])
def test_a_list_that_is_none_is_nonsense(said: bytes) -> None:
    listing = RawServer(lambda wire: wire.answer(wire.hear().body + said))
    with listing as server, pytest.raises(UpstreamMisbehaved):
        provider(server.url).models()


def test_what_is_ignored_depends_on_the_profile() -> None:
    configured = settings("http://acme.test/v1")
    ollama = HTTPProvider(Transport(configured), PROFILES["ollama"], ChatFormat())
    payload = request(user="u", text=TextOptions(verbosity="low"))
    assert ollama.ignored(payload) == ("user", "text.verbosity")
    assert ollama.name == "acme"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("bored_now", "bored_now"),
        ("bored\nevent=forged", "unreadable"),
        ('bored "quoted" {json}', "unreadable"),
        ("bored\x1b[31m", "unreadable"),
        ("gelangweilt für heute", "unreadable"),
        ("b" * 65, "unreadable"),
        (f"bored {API_KEY}", "unreadable"),
    ],
)
def test_an_unknown_finish_reason_is_named_in_the_log_if_it_is_words(
    reason: str, expected: str
) -> None:
    with capture_logs() as log:
        answered(request(stream=True), chunk(delta={"content": "Hi"}, finish_reason=reason))
    (line,) = [each for each in log if each["event"] == "upstream_oddity"]
    assert (line["kind"], line["value"]) == ("finish_reason", expected)


def cut_after(*pieces: bytes) -> Script:
    """Answer with these pieces of a longer stream, and close."""

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        wire.say(*(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces))

    return script


COUNTED = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}\n\n'


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        [chunk(delta={"content": "Hello"}), chunk(delta={}, finish_reason="stop")],
        [chunk(delta={"content": "Hello"}, finish_reason="stop")],
        [chunk(delta={"content": "Hello"}), COUNTED],
        [chunk(delta={"content": "Hello"}), COUNTED, b"data: [DONE]\n\n"],
    ],
    ids=["reason", "reason-beside", "counts", "done"],
)
def test_an_answer_that_breaks_off_after_its_end_is_whole(said: list[bytes], stream: bool) -> None:
    profile = replace(GENERIC, whole=False)
    with RawServer(cut_after(*said)) as server:
        transport = Transport(settings(server.url))
        answers = HTTPProvider(transport, profile, ChatFormat())
        batches = list(answers.answer(request(stream=stream), a_call()))
    deltas = [delta for batch in batches for delta in batch if not isinstance(delta, Used)]
    assert deltas == [Text("Hello"), Finished("stop")]


@pytest.mark.parametrize(
    "said",
    [[chunk(delta={"content": "Hello"})], [COUNTED, chunk(delta={"content": "Hello"})],
     [chunk(delta={"content": "Hello"}, finish_reason="null")]],
    ids=["nothing", "counts-before", "null"],
)  # fmt: skip
def test_an_answer_that_breaks_off_before_its_end_is_not(said: list[bytes]) -> None:
    with RawServer(cut_after(*said)) as server, pytest.raises(UpstreamUnavailable):
        list(provider(server.url).answer(request(stream=True), a_call()))


def test_counts_without_an_item_are_no_answer_that_broke_off() -> None:
    created = {"type": "response.created", "response": {"usage": {"input_tokens": 3}}}
    with RawServer(cut_after(b"data: %s\n\n" % orjson.dumps(created))) as server:
        answers = HTTPProvider(Transport(settings(server.url)), GENERIC, ResponsesFormat())
        with pytest.raises(UpstreamUnavailable):
            list(answers.answer(request(stream=True), a_call()))
