"""Which models reason, by their names."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from app.domain.models import ModelFacts
from app.domain.request import ModelRequest

#: Models that reason before they answer and refuse sampling parameters for it (R5).
_REASONING = ("o1", "o1-*", "o3", "o3-*", "o4", "o4-*", "gpt-5*", "codex-mini*")
_NOT_REASONING = ("gpt-5*-chat*",)
#: Of those, models that can be told not to reason, and take sampling parameters then; those that
#: do not reason where they are not told to; and their kin that always do. pydantic/pydantic-ai,
#: profiles/openai.py, which has asked each of them (2026-10); developers.openai.com, "Using
#: GPT-5.2", "parameter compatibility".
_CAN_REST = ("gpt-5.[1-6]*",)
_RESTING = ("gpt-5.[1-4]*",)
_NEVER_RESTING = ("gpt-5.*-pro*", "gpt-5.[12]-codex*")
#: Models that are known never to reason: they are not sent reasoning (U16). OpenAI's refuse even
#: to be asked for it encrypted.
_UNREASONING = (
    *("gpt-3.5*", "gpt-4*", "chatgpt-*", "gpt-5*-chat*"),
    *("moonshot-v1*", "kimi-k2-0*", "kimi-k2-turbo*"),
    *("llama-3*", "llama3*", "mistral-large-2*", "codestral*", "open-mi*"),
)
#: Models whose server takes an empty reasoning_content for none, which is a 400; a blank is some:
#: theopenco/llmgateway 2093, earendil-works/pi 4178.
_NOT_EMPTY = ("kimi-k2.[5-9]*", "kimi-k2-[5-9]*", "kimi-k[3-9]*")
#: Models that refuse to be told how much to think, though they do: NousResearch/hermes-agent 23435,
#: asked of api.x.ai; earendil-works/pi 8381.
_WITHOUT_EFFORT = (
    *("grok-2*", "grok-3", "grok-3-fast*", "grok-3-latest", "grok-4", "grok-4-*"),
    *("grok-4.20-0*", "grok-code*", "grok-build*"),
)
#: Models that refuse not to think at all: NousResearch/hermes-agent 85890, 96373; "invalid
#: thinking: only type=enabled is allowed for this model" (MoonshotAI/Kimi-K2 141).
_ALWAYS_THINKING = ("glm-5.[2-9]*", "kimi-k[3-9]*", "kimi-k2[.-]7-code*", "kimi-for-coding*")

#: How much models can be told to think, by the first that fits. developers.openai.com, "Reasoning
#: models": some take no more than these. Of the others three are known everywhere.
_EFFORTS = (
    ("gpt-5-pro*", ("high",)),
    ("gpt-5-codex*", ("low", "medium", "high")),
    ("gpt-5.1-codex-max*", ("low", "medium", "high", "xhigh")),
    ("gpt-5.1*", ("none", "low", "medium", "high")),
    ("gpt-5.*", ("none", "low", "medium", "high", "xhigh")),
    ("gpt-5*", ("minimal", "low", "medium", "high")),
    ("gpt-6*", ("low", "medium", "high", "xhigh", "max")),
    ("*", ("low", "medium", "high")),
)
#: Models that reason, and are not known to refuse sampling parameters.
_ALSO_REASONING = ("gpt-6*",)


def facts_of(model: str) -> ModelFacts:
    """Return what the name of a model tells of it, with or without a vendor before it."""
    name = _bare(model)
    reasoning = None
    if is_reasoning_model(model) or _matches(name, _ALSO_REASONING):
        reasoning = True
    elif not _may_by_name(model):
        reasoning = False
    efforts = next(efforts for glob, efforts in _EFFORTS if fnmatchcase(name, glob))
    return ModelFacts(reasoning=reasoning, reasoning_efforts=efforts)


@lru_cache(maxsize=1024)
def is_reasoning_model(model: str) -> bool:
    """Tell whether an upstream's model, with or without a vendor before it, is known to reason."""
    name = _bare(model)
    return _matches(name, _REASONING) and not _matches(name, _NOT_REASONING)


@lru_cache(maxsize=1024)
def sampling_efforts(model: str, reasons: bool | None) -> frozenset[str | None] | None:
    """Return at which efforts a model takes temperature and top_p, None among them for none given.

    None in their place says at all of them. `reasons` is whether it is configured to reason, None
    where that is left to its name.
    """
    if not (is_reasoning_model(model) if reasons is None else reasons):
        return None
    if not is_any(model, _CAN_REST) or is_any(model, _NEVER_RESTING):
        return frozenset()
    return frozenset(("none", None) if is_any(model, _RESTING) else ("none",))


def may_reason(request: ModelRequest) -> bool:
    """Tell whether the model may reason: it is configured to, or not known never to."""
    return _may_by_name(request.model) if request.reasons is None else request.reasons


@lru_cache(maxsize=1024)
def _may_by_name(model: str) -> bool:
    return not is_any(model, _UNREASONING)


@lru_cache(maxsize=1024)
def takes_effort(model: str, effort: str) -> bool:
    """Tell whether a model can be told to think so much: it is not known to refuse it."""
    if is_any(model, _WITHOUT_EFFORT):
        return False
    return effort != "none" or not is_any(model, _ALWAYS_THINKING)


def no_reasoning(model: str) -> str:
    """Return what stands for no reasoning where some is wanted back."""
    return " " if is_any(model, _NOT_EMPTY) else ""


def is_any(model: str, globs: tuple[str, ...]) -> bool:
    """Tell whether a model's name, with or without a vendor before it, is any of these."""
    return _matches(_bare(model), globs)


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower().removeprefix("ft:")


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
