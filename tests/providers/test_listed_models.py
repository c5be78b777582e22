"""What servers say of their models in their lists."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.models import NOTHING_KNOWN, ModelFacts
from app.errors import UpstreamMisbehaved
from app.providers.listed_models import listed_facts
from app.providers.model_list import model_ids, output_limits


def facts(**said: Any) -> ModelFacts:
    """Return what is made of one entry of a list."""
    return listed_facts(orjson.dumps({"data": [{"id": "m"} | said]}))["m"]


OPENROUTER = {
    "name": "Z.ai: GLM 5",
    "created": 1765000000,
    "context_length": 202752,
    "architecture": {"input_modalities": ["text", "image", "audio"]},
    "top_provider": {"max_completion_tokens": 65536},
    "supported_parameters": ["reasoning", "tools"],
}
ANTHROPIC = {
    "type": "model",
    "display_name": "Claude Sonnet 5",
    "created_at": "2026-02-19T00:00:00Z",
    "max_input_tokens": 1_000_000,
    "max_tokens": 128_000,
    "capabilities": {"image_input": {"supported": True}, "thinking": {"supported": True}},
}
GROQ = {"created": 1, "owned_by": "Meta", "context_window": 131072, "max_completion_tokens": 32768}
MISTRAL = {"max_context_length": 131072, "capabilities": {"vision": False, "reasoning": False}}
VLLM = {"created": 1765000000, "owned_by": "vllm", "max_model_len": 32768}
MOONSHOT = {"context_length": 262144, "supports_image_in": True, "supports_reasoning": True}
LLAMACPP = {"owned_by": "llamacpp", "meta": {"n_ctx": 8192, "n_ctx_train": 262144}}


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (
            OPENROUTER,
            ModelFacts(
                display_name="Z.ai: GLM 5",
                created_at=1765000000,
                context_window=202752,
                max_output_tokens=65536,
                input_modalities=("text", "image"),
                reasoning=True,
            ),
        ),
        (
            ANTHROPIC,
            ModelFacts(
                display_name="Claude Sonnet 5",
                created_at=1771459200,
                context_window=1_000_000,
                max_output_tokens=128_000,
                input_modalities=("text", "image"),
                reasoning=True,
            ),
        ),
        (GROQ, ModelFacts(created_at=1, context_window=131072, max_output_tokens=32768)),
        (
            MISTRAL,
            ModelFacts(context_window=131072, input_modalities=("text",), reasoning=False),
        ),
        (VLLM, ModelFacts(created_at=1765000000, context_window=32768)),
        (
            MOONSHOT,
            ModelFacts(context_window=262144, input_modalities=("text", "image"), reasoning=True),
        ),
        (LLAMACPP, ModelFacts(context_window=8192)),
        ({}, NOTHING_KNOWN),
    ],
)
def test_each_server_is_read_in_its_own_words(said: dict[str, Any], known: ModelFacts) -> None:
    assert facts(**said) == known


@pytest.mark.parametrize("value", [None, "many", -1, 0, True, 2.5, [], {}, 10**12])
@pytest.mark.parametrize("key", ["created", "context_length", "max_completion_tokens"])
def test_what_is_no_such_number_is_left_out(key: str, value: object) -> None:
    assert facts(**{key: value}) == NOTHING_KNOWN


@pytest.mark.parametrize(
    "said",
    [
        {"architecture": []},
        {"architecture": {"input_modalities": "text"}},
        {"architecture": {"input_modalities": [None, {}, "smell"]}},
        {"meta": "n_ctx"},
        {"capabilities": ["vision"]},
        {"supported_parameters": {"reasoning": True}},
        {"name": ""},
        {"name": "x" * 201},
        {"created_at": "yesterday"},
        {"created_at": "9999-12-31T23:59:59+00:00"},
    ],
)
def test_what_has_another_shape_is_left_out(said: dict[str, Any]) -> None:
    assert facts(**said) == NOTHING_KNOWN


@pytest.mark.parametrize("body", [b"[]", b'{"data": null}', b'{"data": [1, null, {"id": 5}]}'])
def test_a_list_of_nothing_says_nothing(body: bytes) -> None:
    assert listed_facts(body) == {}


ENTRIES = [{"id": "a", "context_length": 9, "max_tokens": 7}, {"name": "b"}, "c", 5, {"id": "a"}]


@pytest.mark.parametrize(
    "shape", [ENTRIES, {"data": ENTRIES}, {"models": ENTRIES}, {"data": None, "models": ENTRIES}],
    ids=["alone", "data", "models", "no-data"],
)  # fmt: skip
def test_a_list_is_read_wherever_it_stands(shape: Any) -> None:
    body = orjson.dumps(shape)
    assert model_ids(body) == ("a", "b", "c")
    assert output_limits(body) == {"a": 7}
    assert listed_facts(body)["b"].display_name == "b"


@pytest.mark.parametrize("body", [b"{}", b"7", b'{"error": "no"}', b'{"data": [{}]}', b"nonsense"])
def test_what_lists_no_models_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamMisbehaved, match="list of models"):
        model_ids(body)
