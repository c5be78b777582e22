"""What the Responses format does besides: nothing is stored, and what is cut shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import orjson
import pytest
import responses

from app.domain.response import Usage
from app.domain.stream.deltas import Finished, Used
from app.providers.http import HTTPProvider
from app.providers.openai_responses import ResponsesFormat
from app.providers.profiles import PROFILES
from app.providers.transport import Transport
from app.settings import ProviderSettings
from tests.providers.asking import ask
from tests.providers.calling import API_KEY, a_call

URL = "http://acme.test/v1"
PART = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
BODY = {
    "status": "completed",
    "output": [{"type": "message", "role": "assistant", "status": "completed", "content": [PART]}],
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(target="app.providers.wire.adapter.WireAdapter.send") as mocked:
        yield mocked


def provider(url: str = URL, *, api_key: str | None = API_KEY, **quirks: Any) -> HTTPProvider:
    settings = ProviderSettings(name="openai", api="responses", base_url=url, api_key=api_key)
    profile = replace(PROFILES["openai"], **quirks)
    return HTTPProvider(Transport(settings), profile, ResponsesFormat())


def test_nothing_is_stored_upstream(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    list(provider().answer(ask(), a_call()))
    assert orjson.loads(upstream.calls[0].request.body or b"")["store"] is False


@pytest.mark.parametrize(
    ("written", "tells_cut", "reason"),
    [(16, False, "length"), (15, False, "stop"), (16, True, "stop")],
)
def test_an_answer_as_long_as_it_might_be_was_cut_where_that_is_not_told(
    upstream: responses.RequestsMock,
    written: int,
    tells_cut: bool,
    reason: Literal["length", "stop"],
) -> None:
    usage = {"input_tokens": 3, "output_tokens": written}
    upstream.post(f"{URL}/responses", json=BODY | {"usage": usage})
    response = ask(max_output_tokens=16)
    (batch,) = provider(tells_cut=tells_cut).answer(response, a_call())
    assert batch[-1] == Finished(reason)


def test_a_tier_has_the_name_that_clients_know(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY | {"service_tier": "on_demand"})
    (batch,) = provider().answer(ask(), a_call())
    assert batch[-1] == Finished("stop", "default")


def test_without_a_bound_nothing_was_cut(upstream: responses.RequestsMock) -> None:
    upstream.post(f"{URL}/responses", json=BODY)
    (batch,) = provider(tells_cut=False).answer(ask(), a_call())
    assert batch[-2:] == [Used(Usage(3, 1)), Finished("stop")]
