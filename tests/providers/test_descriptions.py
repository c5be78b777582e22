"""What is known of a model by its name and its server's profile."""

from __future__ import annotations

import orjson
import pytest

from app.domain.models import EFFORTS, MODALITIES, ModelFacts
from app.domain.models.cards import NOTHING_KNOWN
from app.domain.request import ModelRequest
from app.providers.base import Provider
from app.providers.descriptions import describer
from app.providers.profiles import Profile
from app.providers.profiles.profile import GENERIC
from app.providers.registry import build
from app.services.upstreams.discovery import MOST_MODELS
from app.settings import Api, ProviderSettings
from tests.providers.raw_server import RawServer

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com/v1"
UNKNOWN = "http://models.example/v1"


def provider(api: Api, base_url: str, quirks: dict[str, object] | None = None) -> Provider:
    return build(
        ProviderSettings(name="p", api=api, base_url=base_url, api_key="k", quirks=quirks or {})
    )


@pytest.mark.parametrize(
    ("api", "model", "reasoning", "efforts"),
    [
        ("responses", "gpt-5.1", True, ("none", "low", "medium", "high")),
        ("chat_completions", "openai/gpt-5", True, ("minimal", "low", "medium", "high")),
        ("responses", "gpt-6.2-sol", True, ("low", "medium", "high", "xhigh", "max")),
        ("responses", "gpt-4.1", False, ("low", "medium", "high")),
        ("chat_completions", "nobody-knows", None, ("low", "medium", "high")),
        ("anthropic_messages", "claude-3-5-haiku-latest", False, ("none",)),
        ("anthropic_messages", "claude-sonnet-4-5", True, EFFORTS),
        ("anthropic_messages", "claude-sonnet-4-6", True, ("none", "low", "medium", "high", "max")),
        ("anthropic_messages", "claude-opus-5-5", True, EFFORTS[2:]),
    ],
)
def test_a_models_name_tells_whether_and_how_much_it_thinks(
    api: Api, model: str, reasoning: bool | None, efforts: tuple[str, ...]
) -> None:
    url = ANTHROPIC if api == "anthropic_messages" else OPENAI
    facts, _ = provider(api, url).describe(model)
    assert (facts.reasoning, facts.reasoning_efforts) == (reasoning, efforts)


def test_efforts_that_a_server_does_not_know_are_left_out() -> None:
    facts, _ = provider("chat_completions", UNKNOWN, {"coarse_effort": True}).describe("gpt-5")
    assert facts.reasoning_efforts == ("low", "medium", "high")


def test_a_family_of_anthropics_is_known_by_its_name() -> None:
    facts, _ = provider("anthropic_messages", ANTHROPIC).describe("claude-sonnet-4-6")
    assert (facts.max_output_tokens, facts.input_modalities) == (64_000, MODALITIES)


def test_a_server_that_reads_texts_alone_says_so_of_all_its_models() -> None:
    quirks: dict[str, object] = {"images": False, "files": False}
    facts, _ = provider("chat_completions", UNKNOWN, quirks).describe("m")
    assert facts.input_modalities == ("text",)


def test_nothing_is_made_up_of_a_model_that_nobody_knows() -> None:
    facts, _ = provider("chat_completions", UNKNOWN).describe("m")
    assert (facts.context_window, facts.max_output_tokens, facts.input_modalities) == (None,) * 3


def test_what_a_server_ignores_is_not_honoured() -> None:
    _, there = provider("chat_completions", OPENAI).describe("gpt-5")
    quirks: dict[str, object] = {
        "json_schema": False,
        "parallel_tool_calls": False,
        "logprobs": False,
        "seed": False,
    }
    _, elsewhere = provider("chat_completions", UNKNOWN, quirks).describe("gpt-5")
    names = ("structured_outputs", "parallel_tool_calls", "verbosity", "logprobs", "seed")
    assert [getattr(there, name) for name in names] == [True] * 5
    assert [getattr(elsewhere, name) for name in names] == [False] * 5


def test_a_servers_list_goes_before_what_a_name_tells() -> None:
    listed = {"data": [{"id": "gpt-4.1", "context_length": 5000, "supports_reasoning": True}]}
    with RawServer(lambda wire: wire.answer(wire.hear().body + orjson.dumps(listed))) as server:
        there = provider("chat_completions", server.url)
        assert there.describe("gpt-4.1")[0].context_window is None
        there.models()
    facts, _ = there.describe("gpt-4.1")
    assert (facts.context_window, facts.reasoning) == (5000, True)


class Counting:
    """A format that counts how often it is asked for a model's facts."""

    def __init__(self) -> None:
        self.asked = 0

    def ignored(self, _request: ModelRequest, _profile: Profile) -> tuple[str, ...]:
        return ()

    def facts(self, _model: str) -> ModelFacts:
        self.asked += 1
        return NOTHING_KNOWN


def test_each_model_of_a_long_list_is_described_once() -> None:
    counting = Counting()
    describe = describer(counting)
    for _ in range(2):
        for n in range(MOST_MODELS):
            describe(GENERIC, f"model-{n}")
    assert counting.asked == MOST_MODELS
