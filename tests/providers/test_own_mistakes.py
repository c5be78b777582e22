"""A bug of an adapter is ours: it is logged, counted and shown as ours, and no upstream's fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.domain.stream.deltas import Delta, Text
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, Overloaded, UpstreamMisbehaved
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.providers.transport import Transport
from app.settings import Api
from tests.contract.recordings import FOLDER, CannedTransport, settings
from tests.providers.asking import ask
from tests.providers.calling import a_call
from tests.providers.raw_server import OK, RawServer, Wire

#: ValueError is among them: what the upstream sent is told from it by its own kind.
MISTAKES = [AttributeError, TypeError, KeyError, RecursionError, ZeroDivisionError, ValueError]
#: Where a bug is planted in each format: on the way out, and while an answer is read.
WRITERS = {
    "chat_completions": "app.providers.openai_chat.request.to_messages",
    "anthropic_messages": "app.providers.anthropic.request.turns",
    "responses": "app.providers.openai_responses.request.to_items",
}
READERS = {
    "chat_completions": "app.providers.openai_chat.reader.MessageReader.take",
    "anthropic_messages": "app.providers.anthropic.reader.MessagesReader._start",
    "responses": "app.providers.openai_responses.output.open_items.OpenItems._begin",
}
every_format = pytest.mark.parametrize("api", FORMATS)
every_way = pytest.mark.parametrize(
    ("stream", "whole"),
    [(False, True), (False, False), (True, True)],
    ids=["whole", "joined", "streamed"],
)


def plant(monkeypatch: pytest.MonkeyPatch, place: str, bug: Exception) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise bug

    monkeypatch.setattr(place, stumble)


def answer(api: Api, *, stream: bool, whole: bool) -> Iterator[Delta]:
    """Yield what the recorded answer of an upstream says."""
    streams = stream or not whole
    body = (FOLDER / api / f"text.{'sse' if streams else 'json'}").read_bytes()
    transport = CannedTransport(settings(api), [body])
    provider = HTTPProvider(transport, replace(PROFILES["generic"], whole=whole), FORMATS[api])
    call = UpstreamCall(deadline=0)
    call.attempts = 2
    for batch in provider.answer(ask(stream=stream), call):
        yield from batch


def empty_answer(wire: Wire) -> None:
    wire.hear()
    wire.say(OK + b"Content-Length: 0\r\n\r\n")


def counted() -> float:
    labels = {"place": "provider"}
    return REGISTRY.get_sample_value("gateway_unexpected_errors_total", labels) or 0.0


@every_format
@every_way
@pytest.mark.parametrize("places", [WRITERS, READERS], ids=["request", "answer"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_ours_is_logged_counted_and_not_blamed_on_the_upstream(
    api: Api,
    stream: bool,
    whole: bool,
    places: dict[Api, str],
    mistake: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch, places[api], mistake("sk-secret"))
    before = counted()
    with capture_logs() as logged, pytest.raises(GatewayError) as caught:
        list(answer(api, stream=stream, whole=whole))
    assert type(caught.value) is GatewayError
    assert caught.value.message == "The gateway failed."
    assert counted() == before + 1
    (line,) = logged
    assert (line["event"], line["error"]) == ("unexpected_error", mistake.__name__)
    assert (line["provider"], line["attempts"]) == (api, 2)
    assert line["frames"][-1].endswith("stumble")
    assert "sk-secret" not in str(line)


@pytest.mark.parametrize("stream", [False, True])
def test_a_mistake_where_http_is_read_is_ours_too(
    stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "app.providers.wire.response.UpstreamResponse.on_header", TypeError())
    before = counted()
    with RawServer(empty_answer) as server:
        transport = Transport(replace(settings("chat_completions"), base_url=server.url))
        provider = HTTPProvider(transport, PROFILES["generic"], FORMATS["chat_completions"])
        with pytest.raises(GatewayError, match="The gateway failed"):
            list(provider.answer(ask(stream=stream), a_call()))
    assert counted() == before + 1


@every_format
def test_a_mistake_beside_the_answer_is_logged_and_counted_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = HTTPProvider(CannedTransport(settings(api), []), PROFILES["generic"], FORMATS[api])
    plant(monkeypatch, "app.providers.writing.parameters.PassThrough.ignored", TypeError())
    plant(monkeypatch, "app.providers.learning.LearnedProfile.models", TypeError())
    monkeypatch.setattr("app.providers.transport.Endpoint.get", lambda _: Mock())
    before = counted()
    with pytest.raises(GatewayError, match="The gateway failed"):
        provider.ignored(ask())
    with pytest.raises(GatewayError, match="The gateway failed"):
        provider.models()
    assert counted() == before + 2


@every_format
@pytest.mark.parametrize("stream", [False, True])
def test_nonsense_of_an_upstream_is_no_mistake_of_ours(api: Api, stream: bool) -> None:
    transport = CannedTransport(settings(api), [b"data: {nonsense\n\n" if stream else b"nonsense"])
    provider = HTTPProvider(transport, PROFILES["generic"], FORMATS[api])
    before = counted()
    with pytest.raises(UpstreamMisbehaved):
        list(provider.answer(ask(stream=stream), UpstreamCall(deadline=0)))
    assert counted() == before


@every_format
def test_a_lack_of_descriptors_is_no_mistake(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, READERS[api], OSError(24, "too many open files"))
    before = counted()
    with pytest.raises(Overloaded):
        list(answer(api, stream=True, whole=True))
    assert counted() == before


def test_what_was_said_before_a_mistake_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "app.providers.openai_chat.reader.finished", TypeError())
    deltas = answer("chat_completions", stream=True, whole=True)
    assert any(isinstance(delta, Text) for delta in iter(partial(next, deltas), None))
    with pytest.raises(GatewayError, match="The gateway failed"):
        list(deltas)
