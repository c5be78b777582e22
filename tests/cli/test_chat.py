"""`chat`: turns that go on from one another, what becomes of faults, and what a pipe gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from click.testing import CliRunner, Result

from app.cli.chat import command
from app.cli.chat.client import AnswerText, ChatClient, ChatError

URL = "http://gateway.test/v1"


def stream(response_id: str, *events: dict[str, Any]) -> bytes:
    """Return a stream as the gateway sends it."""
    created = {"type": "response.created", "response": {"id": response_id}}
    lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in (created, *events)]
    return ("".join(lines) + ": keep-alive\n\ndata: [DONE]\n\n").encode()


def text(delta: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": delta}


COMPLETED = {"type": "response.completed", "response": {"status": "completed"}}


@pytest.fixture
def gateway() -> Any:
    with responses.RequestsMock() as mock:
        yield mock


def test_each_turn_goes_on_from_the_last(gateway: responses.RequestsMock) -> None:
    for number in ("1", "2"):
        gateway.post(f"{URL}/responses", stream(f"resp_{number}", text("a"), text("b"), COMPLETED))
    client = ChatClient(URL, "sk-1")
    for _ in range(2):
        assert list(client.turn({"model": "m", "input": "q"})) == [AnswerText("a"), AnswerText("b")]
    bodies = [json.loads(call.request.body or b"") for call in gateway.calls]
    assert [body["previous_response_id"] for body in bodies] == [None, "resp_1"]
    assert gateway.calls[0].request.headers["Authorization"] == "Bearer sk-1"


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ({"type": "response.failed", "response": {"error": {"message": "No."}}}, "failed: No."),
        (
            {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "x"}}},
            "The answer was cut: x.",
        ),
    ],
)
def test_an_answer_that_ends_badly_can_be_gone_on_from(
    gateway: responses.RequestsMock, ending: dict[str, Any], message: str
) -> None:
    gateway.post(f"{URL}/responses", stream("resp_1", text("a"), ending))
    client = ChatClient(URL, None)
    with pytest.raises(ChatError, match=message):
        list(client.turn({"model": "m", "input": "q"}))
    assert client.last_id == "resp_1"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"json": {"error": {"message": "Who?"}}, "status": 401}, "Who\\? Give a key"),
        ({"body": "<html>", "status": 502}, "502 .*no Responses API answers there"),
        ({"body": requests.ConnectionError("refused")}, "is there a gateway"),
    ],
)
def test_a_refusal_says_what_to_do(
    gateway: responses.RequestsMock, reply: dict[str, Any], message: str
) -> None:
    gateway.post(f"{URL}/responses", **reply)
    with pytest.raises(ChatError, match=message):
        list(ChatClient(URL, None).turn({"model": "m", "input": "q"}))


def chat(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(command.chat, [*words, "--url", URL, "--key", "sk-1"], input=stdin)


def test_a_pipe_gets_the_answer_and_nothing_else(gateway: responses.RequestsMock) -> None:
    thought = {"type": "response.reasoning_summary_text.delta", "delta": "hm"}
    gateway.post(f"{URL}/responses", stream("resp_1", thought, text("42"), COMPLETED))
    result = chat("m", "--instructions", "Be brief.", "--continue", "resp_0", stdin="How much?")
    assert result.stdout == "42\n"
    assert "hm" in result.stderr
    assert json.loads(gateway.calls[0].request.body or b"") == {
        "model": "m",
        "input": "How much?",
        "instructions": "Be brief.",
        "stream": True,
        "previous_response_id": "resp_0",
    }


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("http://gateway.test", URL),
        ("http://gateway.test/", URL),
        ("gateway.test", URL),
        ("http://gateway.test/v1/", URL),
        ("https://gateway.test:8443/", "https://gateway.test:8443/v1"),
        ("http://gateway.test/behind/v1", "http://gateway.test/behind/v1"),
    ],
)
def test_a_url_may_lack_what_is_the_same_for_every_gateway(
    gateway: responses.RequestsMock, given: str, called: str
) -> None:
    gateway.post(f"{called}/responses", stream("resp_1", text("a"), COMPLETED))
    words = ["m", "--url", given, "--key", "sk-1"]
    assert CliRunner().invoke(command.chat, words, input="q").stdout == "a\n"


def test_a_model_need_not_be_named_where_there_is_one(gateway: responses.RequestsMock) -> None:
    gateway.get(f"{URL}/models", json={"data": [{"id": "only"}]})
    gateway.post(f"{URL}/responses", stream("resp_1", text("a"), COMPLETED))
    assert chat(stdin="q").stdout == "a\n"


def test_several_models_are_named(gateway: responses.RequestsMock) -> None:
    gateway.get(f"{URL}/models", json={"data": [{"id": "one"}, {"id": "two"}]})
    result = chat(stdin="q")
    assert (result.exit_code, "There are: one, two" in result.stderr) == (2, True)


def test_a_pipe_gets_the_answer_as_it_is_and_a_terminal_what_cannot_steer_it(
    gateway: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "\x9b31ma\x07\n"
    for _ in range(2):
        gateway.post(f"{URL}/responses", stream("resp_1", text(answer), COMPLETED))
    assert chat("m", stdin="q").stdout == f"{answer}\n"
    monkeypatch.setattr(command, "writes_to_terminal", lambda: True)
    assert chat("m", stdin="q").stdout == "31ma\n\n"


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "in a pipe"])
@pytest.mark.parametrize("begun", [True, False], ids=["failed", "refused"])
def test_no_fault_steers_the_terminal(
    gateway: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, *, typed: bool, begun: bool
) -> None:
    error = {"error": {"message": "No \x9b31m\x07\u202eway."}}
    if begun:
        failed = {"type": "response.failed", "response": error}
        gateway.post(f"{URL}/responses", stream("resp_1", failed))
    else:
        gateway.post(f"{URL}/responses", json=error, status=400)
    lines = iter(["q", "/exit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(lines))
    monkeypatch.setattr(command, "is_terminal", lambda: typed)
    result = chat("m", stdin="q")
    assert "way." in result.stderr
    assert result.stderr.replace("\n", "").isprintable()


def test_a_talk_goes_on_until_it_is_ended(
    gateway: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.post(f"{URL}/responses", stream("resp_1", text("\x1b[2Ja"), COMPLETED))
    gateway.post(f"{URL}/responses", json={"error": {"message": "Busy."}}, status=429)
    gateway.post(f"{URL}/responses", stream("resp_3", text("c"), COMPLETED))
    lines = iter(["q", "", "/id", "again", "/new", "/model other", "/what", "q", "/exit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(lines))
    monkeypatch.setattr(command, "is_terminal", lambda: True)
    result = chat("m")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["[2Ja", "resp_1", "c"]
    assert "Busy." in result.stderr
    last = json.loads(gateway.calls[-1].request.body or b"")
    assert (last["model"], last["previous_response_id"]) == ("other", None)


def test_an_answer_may_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[AnswerText]:
        yield AnswerText("a")
        raise KeyboardInterrupt

    monkeypatch.setattr(ChatClient, "turn", interrupted)

    def typed(_prompt: str, lines: list[str] = ["q"]) -> str:  # noqa: B006 - used up
        if not lines:
            raise EOFError
        return lines.pop()

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(command, "is_terminal", lambda: True)
    result = chat("m")
    assert (result.exit_code, "Interrupted" in result.stderr) == (0, True)


def test_a_question_that_is_not_utf_8_is_refused() -> None:
    words = ["local/echo", "--url", URL, "--key", "sk-1"]
    result = CliRunner().invoke(command.chat, words, input=b"caf\xe9")
    assert result.exit_code == 1
    assert result.stderr == "Error: stdin is not UTF-8: convert it, with iconv say.\n"
