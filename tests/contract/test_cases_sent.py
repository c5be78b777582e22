"""What real providers want to be sent, and are: seen in the requests that come of some cases.

`tests/fixtures/sent_cases/<name>/` is laid out as `cases.py` says. What a caller gets is of no
interest here; `_WANTED` tells what must be in the requests that went upstream, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.factory import create_app
from app.settings import Api, ProviderSettings, RedisSettings, Settings
from tests.contract.cases import FORMS, Conversation, Form, Json, RawUpstream, raw_upstream
from tests.contract.clients import client_of

FOLDER = Path(__file__).parent.parent / "fixtures" / "sent_cases"
APIS: dict[str, Api] = {"a": "anthropic_messages", "c": "chat_completions", "r": "responses"}
#: The profiles of the providers whose answers are played, where they are no ordinary ones.
PROFILES = {
    "kimi-reasoning-cdeepseek": "deepseek",
    "mistral-id": "mistral",
    "openrouter-details": "openrouter",
}
THOUGHTS = [
    {"type": "reasoning.text", "text": "I should look.", "format": "unknown", "index": 0},
    {"type": "reasoning.encrypted", "data": "T1BBUVVF", "id": "tool_1",
     "format": "google-gemini-v1", "index": 0},
]  # fmt: skip


def _marks_the_prompt(sent: list[Json]) -> None:
    (body,) = sent
    assert "cache_control" in body["system"][-1]
    assert "cache_control" in body["messages"][-1]["content"][-1]


def _returns_the_signature(sent: list[Json]) -> None:
    (call,) = _with_calls(sent[1])[0]["tool_calls"]
    assert call["extra_content"]["google"]["thought_signature"] == "U0lHTkFUVVJFLUJZVEVT"


def _returns_the_reasoning(sent: list[Json]) -> None:
    for body in sent[1:]:
        assert [m["reasoning_content"] for m in _with_calls(body)] == ["I should look."]


def _returns_the_details(sent: list[Json]) -> None:
    assert [m["reasoning_details"] for m in _with_calls(sent[1])] == [THOUGHTS]


def _has_ids_of_nine(sent: list[Json]) -> None:
    (body,) = sent
    call_id = _with_calls(body)[0]["tool_calls"][0]["id"]
    assert re.fullmatch("[A-Za-z0-9]{9}", call_id)
    assert [m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"] == [call_id]


def _has_no_cache_key(sent: list[Json]) -> None:
    assert "prompt_cache_key" not in sent[0]


def _has_no_reasoning(sent: list[Json]) -> None:
    assert [item.get("type", "message") for item in sent[1]["input"]] == ["message"] * 3


def _with_calls(body: Json) -> list[Json]:
    return [message for message in body["messages"] if message.get("tool_calls")]


_WANTED: dict[str, Callable[[list[Json]], None]] = {
    "anth-cache": _marks_the_prompt,
    "gemini-signature": _returns_the_signature,
    "groq-exact": _has_no_cache_key,
    "kimi-reasoning-cdeepseek": _returns_the_reasoning,
    "mistral-id": _has_ids_of_nine,
    "openrouter-details": _returns_the_details,
    "reasoning-to-plain": _has_no_reasoning,
}


def _played(name: str) -> Iterator[tuple[str, Form]]:
    """Yield the forms in which there are answers of a case."""
    return ((name, form) for form in FORMS if _raws(name, form))


def _raws(name: str, form: Form) -> tuple[bytes, ...]:
    return tuple(each.read_bytes() for each in sorted((FOLDER / name).glob(f"*.{form}.raw")))


def _provider(name: str, letters: str, port: int) -> ProviderSettings:
    given: Json = {"prompt_cache": "auto"} if letters == "a" else {}
    return ProviderSettings(
        name=letters,
        api=APIS[letters[0]],
        base_url=f"http://127.0.0.1:{port}/v1",
        profile=PROFILES.get(name),
        **given,
    )


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as upstream:
        yield upstream


@pytest.mark.parametrize(("name", "form"), [each for name in _WANTED for each in _played(name)])
def test_a_provider_is_sent_what_it_wants(
    name: str, form: Form, upstream: RawUpstream, redis_url: str
) -> None:
    requests: list[Any] = [
        orjson.loads(each.read_bytes()) for each in sorted((FOLDER / name).glob("request*.json"))
    ]
    letters = requests[0]["model"].partition("/")[0]
    client = client_of(
        create_app(
            Settings(
                providers=(_provider(name, letters, upstream.port),),
                redis=RedisSettings(url=redis_url, prefix="sent:"),
                log_level="CRITICAL",
            )
        )
    )
    upstream.play(_raws(name, form), None)
    conversation = Conversation()
    for request in requests:
        body = conversation.filled(request) | {"stream": form == "stream"}
        answer = client.post("/v1/responses", json=body)
        if answer.status_code == 200:
            conversation.take(answer.get_data(), answer.content_type)
    assert len(upstream.sent) == len(requests)
    _WANTED[name](upstream.sent)


def test_every_case_is_wanted() -> None:
    assert {each.name for each in FOLDER.iterdir()} == _WANTED.keys()
