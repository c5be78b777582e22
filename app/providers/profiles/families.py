"""Which models reason, and at which efforts, by their names."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from app.domain.models import EFFORTS, ModelFacts
from app.domain.request import ModelRequest

#: Models that reason before they answer, and therefore refuse sampling parameters (R5).
_REASONING = ("o1", "o1-*", "o3", "o3-*", "o4", "o4-*", "gpt-5*", "codex-mini*")
_NOT_REASONING = ("gpt-5*-chat*",)
#: Of those: models that can be told not to reason, and then accept sampling parameters; models
#: that do not reason by default; and variants that always reason. pydantic/pydantic-ai,
#: profiles/openai.py, which has tested each of them (2026-10); developers.openai.com, "Using
#: GPT-5.2", "parameter compatibility".
_CAN_REST = ("gpt-5.[1-6]*",)
_RESTING = ("gpt-5.[1-4]*",)
_NEVER_RESTING = ("gpt-5.*-pro*", "gpt-5.[12]-codex*")
#: Models that are known never to reason: they are not sent reasoning (U16). OpenAI's even refuse
#: a request for encrypted reasoning.
_UNREASONING = (
    *("gpt-3.5*", "gpt-4*", "chatgpt-*", "gpt-5*-chat*"),
    *("moonshot-v1*", "kimi-k2-0*", "kimi-k2-turbo*"),
    *("llama-3*", "llama3*", "mistral-large-2*", "codestral*", "devstral*", "open-mi*"),
)
#: Models whose server takes an empty reasoning_content for a missing one, which is a 400; a blank
#: is accepted: theopenco/llmgateway 2093, earendil-works/pi 4178.
_NOT_EMPTY = ("kimi-k2.[5-9]*", "kimi-k2-[5-9]*", "kimi-k[3-9]*")
#: Models whose calls are refused without the reasoning before them, whoever serves them: a 400 at
#: Novita (huggingface/responses.js 54), PPIO and SiliconFlow (labring/FastGPT 6357), OpenCode Zen
#: (smallmain/vscode-unify-chat-provider 286).
_WANTING = ("deepseek-v3.2*", "deepseek-v[4-9]*", "kimi-k2-thinking*", *_NOT_EMPTY)
#: Models that think, but refuse an effort: NousResearch/hermes-agent 23435, tested against
#: api.x.ai; earendil-works/pi 8381.
_WITHOUT_EFFORT = (
    *("grok-2*", "grok-3", "grok-3-fast*", "grok-3-latest", "grok-4", "grok-4-*"),
    *("grok-4.20-0*", "grok-code*", "grok-build*"),
)
#: Models whose thinking cannot be turned off: NousResearch/hermes-agent 85890, 96373; "invalid
#: thinking: only type=enabled is allowed for this model" (MoonshotAI/Kimi-K2 141).
_ALWAYS_THINKING = ("glm-5.[2-9]*", "kimi-k[3-9]*", "kimi-k2[.-]7-code*", "kimi-for-coding*")

#: The efforts that models accept; the first match wins. developers.openai.com, "Reasoning models":
#: some accept only these. For all other models, three efforts are known everywhere.
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
#: The efforts that models take at a server that refuses any for its other models; the nearest one
#: is sent. docs.mistral.ai, "Reasoning"; anomalyco/models.dev 1986, tested against api.mistral.ai.
_LISTED = (
    *((glob, ("none", "high")) for glob in ("mistral-small-2603*", "mistral-small-latest")),
    *((glob, ("none", "high")) for glob in ("mistral-medium-2604*", "mistral-medium-3[.-]5*")),
    ("mistral-large-4*", ("none", "low", "medium", "high")),
)
#: Models that reason, and are not known to refuse sampling parameters.
_ALSO_REASONING = ("gpt-6*",)


def facts_of(model: str) -> ModelFacts:
    """Return the facts that a model's name shows; it may have a vendor's prefix."""
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
    """Tell whether a model is known to reason, by its name, which may have a vendor's prefix."""
    name = _bare(model)
    return _matches(name, _REASONING) and not _matches(name, _NOT_REASONING)


@lru_cache(maxsize=1024)
def sampling_efforts(model: str, reasons: bool | None) -> frozenset[str | None] | None:
    """Return the efforts at which a model accepts temperature and top_p; None for all efforts.

    None in the set stands for no effort given. `reasons` is whether the model is configured to
    reason, None if its name decides.
    """
    if not (is_reasoning_model(model) if reasons is None else reasons):
        return None
    if not is_any(model, _CAN_REST) or is_any(model, _NEVER_RESTING):
        return frozenset()
    return frozenset(("none", None) if is_any(model, _RESTING) else ("none",))


def may_reason(request: ModelRequest) -> bool:
    """Tell whether the model may reason: by configuration, else unless it is known not to."""
    return _may_by_name(request.model) if request.reasons is None else request.reasons


@lru_cache(maxsize=1024)
def _may_by_name(model: str) -> bool:
    return not is_any(model, _UNREASONING)


@lru_cache(maxsize=1024)
def takes_effort(model: str, effort: str) -> bool:
    """Tell whether a model accepts this effort: it is not known to refuse it."""
    if is_any(model, _WITHOUT_EFFORT):
        return False
    return effort != "none" or not is_any(model, _ALWAYS_THINKING)


@lru_cache(maxsize=1024)
def listed_effort(model: str, effort: str) -> str | None:
    """Return the nearest effort that a model is listed to take; None if it is not listed."""
    efforts = next((efforts for glob, efforts in _LISTED if is_any(model, (glob,))), None)
    if efforts is None:
        return None
    if effort in efforts:
        return effort
    more = EFFORTS[EFFORTS.index(effort) :]
    return next((each for each in efforts if each in more), efforts[-1])


def no_reasoning(model: str) -> str:
    """Return the text that stands for no reasoning, for a model that requires some."""
    return " " if is_any(model, _NOT_EMPTY) else ""


@lru_cache(maxsize=1024)
def wants_reasoning(model: str) -> bool:
    """Tell whether a model's calls must be sent back with the reasoning before them."""
    return is_any(model, _WANTING)


def is_any(model: str, globs: tuple[str, ...]) -> bool:
    """Tell whether a model's name, with or without a vendor's prefix, matches any of these."""
    return _matches(_bare(model), globs)


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower().removeprefix("ft:")


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
