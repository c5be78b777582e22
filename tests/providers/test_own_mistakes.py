"""A bug in a reader of ours is no nonsense of the upstream's."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from app.errors import GatewayError, UpstreamUnavailable
from app.providers.anthropic.answer import Answer as AnthropicAnswer
from app.providers.openai_chat import answer as chat
from app.providers.openai_responses.answer import Answer as ResponsesAnswer
from app.providers.reading.events import EventReader, body_deltas
from app.providers.reading.sse import Frame

MISTAKES = [AttributeError, TypeError, KeyError, RecursionError, ZeroDivisionError]


def fault(error: object) -> GatewayError:
    return UpstreamUnavailable(str(error))


def frame(event: object) -> list[Frame]:
    return [("", orjson.dumps(event))]


def read_chat() -> None:
    chat.body_deltas(orjson.dumps({"choices": [{"message": {"content": "Hi"}}]}), fault)


def read_chat_stream() -> None:
    chat.ChunkReader(fault).read(frame({"choices": [{"delta": {"refusal": "No"}}]}), [])


def read_messages() -> None:
    body_deltas(orjson.dumps({"content": [{"type": "text", "text": "Hi"}]}), AnthropicAnswer(fault))


def read_messages_stream() -> None:
    EventReader(AnthropicAnswer(fault)).read(frame({"type": "message_start", "message": {}}), [])


def read_responses() -> None:
    body_deltas(orjson.dumps({"output": [{"type": "message"}]}), ResponsesAnswer(fault))


def read_responses_stream() -> None:
    event = {"type": "response.output_text.delta", "delta": "Hi"}
    EventReader(ResponsesAnswer(fault)).read(frame(event), [])


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize(
    ("read", "place"),
    [
        (read_chat, "app.providers.openai_chat.answer.MessageReader.take"),
        (read_chat_stream, "app.providers.openai_chat.answer.MessageReader.take"),
        (read_messages, "app.providers.anthropic.answer.Answer._start"),
        (read_messages_stream, "app.providers.anthropic.answer.Answer._start"),
        (read_responses, "app.providers.openai_responses.answer.Answer._begin"),
        (read_responses_stream, "app.providers.openai_responses.answer.Answer._begin"),
    ],
)
def test_a_mistake_of_ours_is_not_blamed_on_the_upstream(
    read: Callable[[], None],
    place: str,
    mistake: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(*_: object) -> None:
        raise mistake

    monkeypatch.setattr(place, stumble)
    with pytest.raises(mistake):
        read()
