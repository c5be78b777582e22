"""What must travel back does so, byte for byte, to where it is from and to nobody else.

A whole gateway is asked by a caller in several turns; its upstream answers from a list and notes
what it was sent (U11, U15, U16, S10).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import ModelSettings, ProviderSettings, RedisSettings, Settings
from tests.contract.clients import client_of

Json = dict[str, Any]

TOOLS = [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]
SIGNATURE = {"google": {"thought_signature": "U0lHTkFUVVJFLUJZVEVT"}}
VERTEX = {"vertex": {"thought_signature": "U0lHTkFUVVJFLVZFUlRFWA=="}}
WEATHER = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
CALL: Json = {"id": "function-call-1", "type": "function", "function": WEATHER}
INCLUDE = ["reasoning.encrypted_content"]
FORMS = ("whole", "stream")


class Upstreams(ThreadingHTTPServer):
    """A chat server that answers from a list; `sent` is what each request said."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[bytes] = []
        self.sent: list[Json] = []

    def assistant(self, at: int = -1) -> list[Json]:
        """Return what the assistant said, as a request tells it."""
        return [each for each in self.sent[at]["messages"] if each["role"] == "assistant"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstreams

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.sent.append(orjson.loads(self.rfile.read(length)))
        body = self.server.answers.pop(0)
        kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


PROFILES = {
    "c": "generic",
    "other": "generic",
    "deepseek": "deepseek",
    "moonshot": "moonshot",
    "zai": "zai",
    "minimax": "minimax",
    "vllm": "vllm",
    "openrouter": "openrouter",
    "groq": "groq",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Upstreams]:
    with Upstreams() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def upstreams(server: Upstreams) -> Upstreams:
    server.answers, server.sent = [], []
    return server


@pytest.fixture
def client(redis_url: str, upstreams: Upstreams) -> FlaskClient:
    app = create_app(
        Settings(
            providers=tuple(
                ProviderSettings(
                    name=name,
                    api="chat_completions",
                    base_url=f"http://127.0.0.1:{upstreams.server_port}/v1",
                    profile=profile,
                )
                for name, profile in PROFILES.items()
            ),
            models=(
                ModelSettings(
                    id="set", provider="moonshot", upstream_model="unthinking", reasoning=False
                ),
            ),
            redis=RedisSettings(url=redis_url, prefix="travelling:"),
            log_level="CRITICAL",
        )
    )
    return client_of(app)


def whole(**message: Any) -> bytes:
    message = {"role": "assistant", "content": None} | message
    why = "tool_calls" if message.get("tool_calls") else "stop"
    return orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": why}]})


def streamed(*deltas: Json) -> bytes:
    why = "tool_calls" if any("tool_calls" in each for each in deltas) else "stop"
    chunks = [{"choices": [{"index": 0, "delta": each}]} for each in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": why}]})
    data = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)
    return data + b"data: [DONE]\n\n"


def said(form: str, **message: Any) -> bytes:
    """Return an answer of one message, whole or in a stream of one piece."""
    if form == "whole":
        return whole(**message)
    calls = [{"index": at, **each} for at, each in enumerate(message.get("tool_calls", ()))]
    return streamed(message | ({"tool_calls": calls} if calls else {}))


def ask(client: FlaskClient, model: str, given: Any, form: str = "whole", **more: Any) -> Json:
    """Return the response to a request, once it is whole."""
    body = {"model": model, "input": given, "tools": TOOLS, "stream": form == "stream"} | more
    answer = client.post("/v1/responses", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    if form == "whole":
        return dict(answer.get_json())
    lines = answer.get_data().split(b"\n")
    found = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: {")]
    return dict(orjson.loads(found[-1])["response"])


def results(response: Json) -> list[Json]:
    """Return an output of each call."""
    return [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "sunny"}
        for item in response["output"]
        if item["type"] == "function_call"
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("extra", [SIGNATURE, VERTEX])
def test_the_signature_of_a_call_goes_back_where_it_stood(
    form: str, extra: Json, client: FlaskClient, upstreams: Upstreams
) -> None:
    signed = CALL | {"extra_content": extra}
    plain = CALL | {"id": "function-call-2"}
    upstreams.answers = [said(form, tool_calls=[signed, plain]), whole(content="Sunny.")]
    first = ask(client, "c/gemini", "weather?", form)
    ask(client, "c/gemini", results(first), previous_response_id=first["id"])
    (result,) = upstreams.assistant()
    assert result["tool_calls"] == [signed, plain]


@pytest.mark.parametrize("late", [{}, {"index": 0}, {"id": "function-call-1"}])
def test_a_signature_on_a_later_piece_goes_back_on_its_call(
    late: Json, client: FlaskClient, upstreams: Upstreams
) -> None:
    piece = {"tool_calls": [late | {"extra_content": SIGNATURE}]}
    upstreams.answers = [
        streamed({"tool_calls": [{"index": 0, **CALL}]}, piece),
        whole(content="Sunny."),
    ]
    first = ask(client, "c/gemini", "weather?", "stream")
    ask(client, "c/gemini", results(first), previous_response_id=first["id"])
    assert upstreams.assistant()[0]["tool_calls"] == [CALL | {"extra_content": SIGNATURE}]


@pytest.mark.parametrize("form", FORMS)
def test_the_signature_of_a_call_goes_back_though_the_calls_id_was_used_up(
    form: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    """So it is with a server that numbers the calls of each answer anew (S4)."""
    more: Json = {"store": False, "include": INCLUDE}
    signed, resigned = CALL | {"extra_content": SIGNATURE}, CALL | {"extra_content": VERTEX}
    upstreams.answers = [
        said(form, tool_calls=[signed]),
        said(form, tool_calls=[resigned]),
        whole(content="Sunny."),
    ]
    history: list[Json] = [{"role": "user", "content": "weather?"}]
    for _ in range(3):
        answer = ask(client, "c/gemini", history, form if len(history) < 5 else "whole", **more)
        history += [*answer["output"], *results(answer)]
    found = [each["tool_calls"] for each in upstreams.assistant()]
    assert [[call["extra_content"] for call in calls] for calls in found] == [[SIGNATURE], [VERTEX]]
    assert found[0][0]["id"] != found[1][0]["id"]


@pytest.mark.parametrize("form", FORMS)
def test_the_signature_of_a_text_goes_back_on_its_message(
    form: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        said(form, content="Hello.", extra_content=SIGNATURE),
        whole(content="Bye."),
    ]
    first = ask(client, "c/gemini", "hi", form)
    ask(client, "c/gemini", "and?", previous_response_id=first["id"])
    (result,) = upstreams.assistant()
    assert result == {"role": "assistant", "content": "Hello.", "extra_content": SIGNATURE}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", ["other/gemini", "c/another"])
def test_nothing_of_it_goes_to_another_provider_or_model(
    form: str, model: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    signed = CALL | {"extra_content": SIGNATURE}
    upstreams.answers = [
        said(form, tool_calls=[signed], reasoning_content="Hm.", what_comes_next={"a": "b"}),
        whole(content="Sunny."),
    ]
    first = ask(client, "c/gemini", "weather?", form, include=INCLUDE)
    ask(client, model, results(first), previous_response_id=first["id"])
    assert upstreams.assistant() == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


def test_a_server_that_knows_its_own_messages_by_heart_gets_no_more_than_those(
    client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [whole(tool_calls=[CALL], executed_tools=[1]), whole(content="Sunny.")]
    first = ask(client, "groq/m", "weather?")
    ask(client, "groq/m", results(first), previous_response_id=first["id"])
    assert upstreams.assistant() == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


DETAILS: list[Json] = [
    {"type": "reasoning.text", "text": "I should look.", "format": "unknown", "index": 0,
     "signature": "c2ln"},
    {"type": "reasoning.summary", "summary": "Look it up.", "index": 1},
    {"type": "reasoning.encrypted", "data": "T1BBUVVF", "id": "tool_1", "index": 0},
]  # fmt: skip
PIECES: list[Json] = [
    {"type": "reasoning.text", "text": "I should", "format": "unknown", "index": 0},
    {"type": "reasoning.text", "text": " look.", "format": None, "index": 0},
    {"type": "reasoning.text", "signature": "c2ln", "index": 0},
    {"type": "reasoning.summary", "summary": "Look ", "index": 1},
    {"type": "reasoning.summary", "summary": "it up.", "index": 1},
    {"type": "reasoning.encrypted", "data": "T1BBUVVF", "id": "tool_1", "index": 0},
    {"type": "reasoning.encrypted", "data": "T1BBUVVF", "id": "tool_1", "index": 0},
]


@pytest.mark.parametrize("form", FORMS)
def test_the_details_of_reasoning_go_back_as_one_message_has_them(
    form: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    thoughts = [{"reasoning_details": [piece]} for piece in PIECES]
    call = {"tool_calls": [{"index": 0, **CALL}]}
    upstreams.answers = [
        streamed({"reasoning": "I should look."}, *thoughts, call)
        if form == "stream"
        else whole(reasoning="I should look.", reasoning_details=DETAILS, tool_calls=[CALL]),
        whole(content="Sunny."),
    ]
    first = ask(client, "openrouter/m", "weather?", form)
    assert [item["type"] for item in first["output"]] == ["reasoning", "function_call"]
    ask(client, "openrouter/m", results(first), previous_response_id=first["id"])
    (result,) = upstreams.assistant()
    assert result["reasoning_details"] == DETAILS
    assert result["reasoning"] == "I should look."


@pytest.mark.parametrize("form", FORMS)
def test_what_is_too_much_to_be_kept_is_not_sent_back_in_part(
    form: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        said(form, tool_calls=[CALL | {"extra_content": "x" * 300_000}], signature="y"),
        whole(content="Sunny."),
    ]
    first = ask(client, "c/gemini", "weather?", form)
    ask(client, "c/gemini", results(first), previous_response_id=first["id"])
    assert upstreams.assistant() == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "field", "empty"),
    [
        ("deepseek", "reasoning_content", True),
        ("moonshot", "reasoning_content", True),
        ("zai", "reasoning_content", True),
        ("minimax", "reasoning_content", True),
        ("vllm", "reasoning", False),
        ("openrouter", "reasoning", False),
    ],
)
def test_reasoning_goes_back_with_every_call_of_the_history(
    form: str, name: str, field: str, empty: bool, client: FlaskClient, upstreams: Upstreams
) -> None:
    model, again = f"{name}/m", CALL | {"id": "again:1"}
    upstreams.answers = [
        said(form, reasoning_content="I should look.", tool_calls=[CALL]),
        said(form, tool_calls=[again]),
        said(form, content="Sunny."),
        said(form, content="Rain."),
    ]
    first = ask(client, model, "weather?", form)
    second = ask(client, model, results(first), form, previous_response_id=first["id"])
    third = ask(client, model, results(second), form, previous_response_id=second["id"])
    ask(client, model, "and tomorrow?", form, previous_response_id=third["id"])
    for at in (2, 3):
        looked, looked_again, *rest = upstreams.assistant(at)
        assert looked[field] == "I should look."
        assert looked_again.get(field) == ("" if empty else None)
        # Of a turn that calls tools DeepSeek wants it with what is said at the end, too.
        assert [each.get(field) for each in rest] == ["" if name == "deepseek" else None] * len(
            rest
        )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("model", "sent"),
    [("moonshot/m", "I should look."), ("moonshot/another", ""), ("deepseek/m", "")],
)
def test_plain_reasoning_goes_back_to_the_model_that_it_is_from_and_to_no_other(
    form: str, model: str, sent: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        said(form, reasoning_content="I should look.", tool_calls=[CALL]),
        said(form, content="Sunny."),
    ]
    first = ask(client, "moonshot/m", "weather?", form)
    assert first["output"][0].get("encrypted_content") is None
    ask(client, model, results(first), form, previous_response_id=first["id"])
    assert upstreams.assistant()[0]["reasoning_content"] == sent


def test_a_model_that_does_not_reason_is_sent_no_reasoning_text(
    client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        whole(reasoning_content="I should look.", tool_calls=[CALL]),
        whole(content="Sunny."),
    ]
    first = ask(client, "moonshot/kimi-k2-thinking", "weather?")
    ask(client, "moonshot/moonshot-v1-8k", results(first), previous_response_id=first["id"])
    (result,) = upstreams.assistant()
    assert "reasoning_content" not in result


@pytest.mark.parametrize("model", ["set", "moonshot/unthinking"])
def test_a_model_that_is_set_not_to_reason_is_sent_no_reasoning_text(
    model: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        whole(reasoning_content="I should look.", tool_calls=[CALL]),
        whole(content="Sunny."),
    ]
    first = ask(client, model, "weather?")
    ask(client, model, results(first), previous_response_id=first["id"])
    (result,) = upstreams.assistant()
    assert "reasoning_content" not in result


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", ["c/m", "deepseek/m"])
def test_a_caller_that_has_nothing_stored_brings_the_reasoning_back(
    form: str, model: str, client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        said(form, reasoning_content="I should look.", tool_calls=[CALL]),
        whole(content="Sunny."),
    ]
    more: Json = {"store": False, "include": INCLUDE}
    first = ask(client, model, "weather?", form, **more)
    thought, call = first["output"]
    assert thought["encrypted_content"]
    history = [{"role": "user", "content": "weather?"}, thought | {"summary": []}, call]
    ask(client, model, [*history, *results(first)], **more)
    assert upstreams.assistant()[0]["reasoning_content"] == "I should look."


def test_reasoning_that_was_not_asked_for_is_not_shown_sealed(
    client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [whole(reasoning_content="Hm.", content="Hi", signature="x")]
    first = ask(client, "c/m", "hi")
    assert [item.get("encrypted_content") for item in first["output"]] == [None, None]


def test_reasoning_that_another_account_brings_is_left_out(
    client: FlaskClient, upstreams: Upstreams
) -> None:
    upstreams.answers = [
        whole(reasoning_content="I should look.", tool_calls=[CALL]),
        whole(content="Sunny."),
    ]
    first = ask(client, "c/m", "weather?", store=False, include=INCLUDE)
    other = client_of(client.application, "other")
    history = [{"role": "user", "content": "w"}, *first["output"]]
    ask(other, "c/m", [*history, *results(first)])
    assert upstreams.assistant() == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


def test_text_after_thoughts_is_no_thought_however_alike_its_pieces_are(
    client: FlaskClient, upstreams: Upstreams
) -> None:
    words = [{"content": word} for word in ("a", "b", "c", "d")]
    upstreams.answers = [
        streamed(*words, {"reasoning": "Hm."}, *words, {"reasoning": "Ah."}, *words),
    ]
    first = ask(client, "c/m", "hi", "stream", include=INCLUDE)
    kinds = [(item["type"], bool(item.get("encrypted_content"))) for item in first["output"]]
    message, thought = ("message", False), ("reasoning", True)
    assert kinds == [message, thought, message, thought, message]
