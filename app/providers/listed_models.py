"""Read model facts from the entries of a model list; field names differ by server. Pure.

An entry of OpenRouter's:

    {"id": "z-ai/glm-5", "name": "Z.ai: GLM 5", "created": 1765000000, "context_length": 202752,
     "architecture": {"input_modalities": ["text", "image"]},
     "top_provider": {"max_completion_tokens": 65536}, "supported_parameters": ["reasoning"]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from app.domain.models import MODALITIES, ModelFacts
from app.providers.model_list import listed
from app.providers.reading.counts import whole_number

Json = Mapping[str, Any]

_MOST_TOKENS = 1_000_000_000
_LONGEST_NAME = 200
#: Unix seconds from which a value is not taken for a time: the year 2100.
_LATEST = 4_102_444_800

#: Paths of a model's context window: Groq; OpenRouter, Together, Fireworks, Moonshot; Mistral;
#: vLLM, SGLang; Anthropic, for the input alone; llama.cpp, as the server was started.
_WINDOWS = (
    ("context_window",),
    ("context_length",),
    ("max_context_length",),
    ("max_model_len",),
    ("max_input_tokens",),
    ("meta", "n_ctx"),
)
#: Paths of its maximum output tokens: Groq; OpenRouter; several; Anthropic.
_OUTPUTS = (
    ("max_completion_tokens",),
    ("top_provider", "max_completion_tokens"),
    ("max_output_tokens",),
    ("max_tokens",),
)
_READS = (("architecture", "input_modalities"), ("input_modalities",))
#: Paths of flags for image input: Mistral; Moonshot; Fireworks; Anthropic.
_READS_IMAGES = (
    ("capabilities", "vision"),
    ("supports_image_in",),
    ("supports_image_input",),
    ("capabilities", "image_input", "supported"),
)
#: Paths of flags for reasoning: Moonshot; Mistral; Anthropic.
_THINKS = (
    ("supports_reasoning",),
    ("capabilities", "reasoning"),
    ("capabilities", "thinking", "supported"),
)


def listed_facts(body: bytes) -> Mapping[str, ModelFacts]:
    """Return the facts in a model list by model id; values of an unexpected shape are left out."""
    return {model_id: _facts(model) for model_id, model in listed(body)}


def _facts(model: Json) -> ModelFacts:
    name = next((each for each in _found(model, (("display_name",), ("name",)), _name)), None)
    return ModelFacts(
        display_name=name,
        created_at=next(_found(model, (("created",), ("created_at",)), _time), None),
        context_window=next(_found(model, _WINDOWS, _tokens), None),
        max_output_tokens=next(_found(model, _OUTPUTS, _tokens), None),
        input_modalities=_modalities(model),
        reasoning=_reasoning(model),
    )


def _found(
    model: Json, places: tuple[tuple[str, ...], ...], read: Callable[[object], Any]
) -> Iterator[Any]:
    """Yield the values that `read` accepts at these paths, in their order."""
    for place in places:
        value: object = model
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and (known := read(value)) is not None:
            yield known


def _modalities(model: Json) -> tuple[str, ...] | None:
    for given in _found(model, _READS, _list):
        known = tuple(each for each in MODALITIES if each in given)
        if "text" in known:
            return known
    for reads_images in _found(model, _READS_IMAGES, _flag):
        return ("text", "image") if reads_images else ("text",)
    return None


def _reasoning(model: Json) -> bool | None:
    for parameters in _found(model, (("supported_parameters",),), _list):
        return "reasoning" in parameters
    return next(_found(model, _THINKS, _flag), None)


def _tokens(value: object) -> int | None:
    number = whole_number(value)
    return number if number is not None and 0 < number <= _MOST_TOKENS else None


def _time(value: object) -> int | None:
    if isinstance(value, str):
        try:
            value = int(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError):
            return None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value < _LATEST else None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME else None


def _list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
