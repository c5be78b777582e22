"""Servers that count the tokens of a request, and those that do not (G9)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.tools import FunctionTool
from app.errors import CallerGone
from app.providers.http import HTTPProvider, WireFormat
from app.providers.profiles import profile_of
from app.providers.registry import FORMATS
from app.providers.transport import Transport
from app.settings import Api, ProviderSettings
from tests.providers.calling import a_call
from tests.providers.chatting import request
from tests.providers.raw_server import OK, Heard, RawServer, Script, Wire

PARAMETERS: dict[str, Any] = {
    "instructions": "Be brief.",
    "tools": (FunctionTool("look_up", parameters={"type": "object"}),),
    "temperature": 0.5,
    "max_output_tokens": 100,
}
#: The field that a count never has, by format: what is no part of the input.
NOT_COUNTED = {"stream", "temperature", "max_tokens", "max_output_tokens", "store"}


def answering(answer: bytes, heard: list[Heard], status: bytes = OK) -> Script:
    """Answer one request with JSON."""

    def script(wire: Wire) -> None:
        heard.append(wire.hear())
        wire.say(status + b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))

    return script


def provider(url: str, api: Api, profile: str, **more: Any) -> HTTPProvider:
    settings = ProviderSettings(name="p", api=api, base_url=url, profile=profile, **more)
    form: WireFormat = FORMATS[api]
    return HTTPProvider(Transport(settings), profile_of(settings), form)


def counted(
    api: Api, profile: str, answer: bytes, heard: list[Heard], status: bytes = OK
) -> int | None:
    with RawServer(answering(answer, heard, status)) as server:
        wanted = request(**PARAMETERS)
        return provider(server.url, api, profile).count_input(wanted, a_call())


@pytest.mark.parametrize(
    ("api", "profile", "path", "answer", "fields"),
    [
        (
            "responses",
            "openai",
            "/v1/responses/input_tokens",
            {"object": "response.input_tokens", "input_tokens": 23},
            {"model", "input", "instructions", "tools"},
        ),
        (
            "anthropic_messages",
            "anthropic",
            "/v1/messages/count_tokens",
            {"input_tokens": 23},
            {"model", "messages", "system", "tools"},
        ),
        (
            "chat_completions",
            "llamacpp",
            "/v1/chat/completions/input_tokens",
            {"input_tokens": 23},
            {"model", "messages", "tools"},
        ),
        (
            "chat_completions",
            "vllm",
            "/tokenize",
            {"count": 23, "max_model_len": 4096, "tokens": [1] * 23},
            {"model", "messages", "tools"},
        ),
    ],
)
def test_a_server_that_counts_is_asked_what_the_input_is(
    api: Api, profile: str, path: str, answer: dict[str, Any], fields: set[str]
) -> None:
    heard: list[Heard] = []
    assert counted(api, profile, orjson.dumps(answer), heard) == 23
    assert heard[0].line == f"POST {path} HTTP/1.1"
    body = orjson.loads(heard[0].body)
    assert fields <= body.keys()
    assert not NOT_COUNTED & body.keys()


@pytest.mark.parametrize("api", ["responses", "chat_completions", "anthropic_messages"])
def test_a_server_of_which_nothing_is_known_is_not_asked(api: Api) -> None:
    with RawServer() as server:
        generic = provider(server.url, api, "generic")
        assert generic.count_input(request(), a_call()) is None


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"{}", OK),
        (b'{"input_tokens": -1}', OK),
        (b'{"input_tokens": true}', OK),
        (b'{"input_tokens": 1e300}', OK),
        (b"[23]", OK),
        (b"23 tokens", OK),
        (b'{"error": {"message": "no such path"}}', b"HTTP/1.1 404 Not Found\r\n"),
        (b'{"error": {"message": "no"}}', b"HTTP/1.1 400 Bad Request\r\n"),
        (b'{"error": {"message": "busy"}}', b"HTTP/1.1 429 Too Many Requests\r\n"),
        (b"broken", b"HTTP/1.1 500 Internal Server Error\r\n"),
    ],
)
def test_what_cannot_be_counted_is_left_to_an_estimate(answer: bytes, status: bytes) -> None:
    assert counted("responses", "openai", answer, [], status) is None


def test_a_caller_who_has_gone_is_not_counted_for() -> None:
    call = a_call()
    call.cancel()
    with RawServer() as server, pytest.raises(CallerGone):
        provider(server.url, "responses", "openai").count_input(request(), call)
