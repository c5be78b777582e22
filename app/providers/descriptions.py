"""What a server supports for a model, derived without a request to it. Pure.

A probe request with every option goes to the format's `ignored`: what that names is not honoured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.models import EFFORTS, Honoured, ModelFacts
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import FunctionTool
from app.providers.profiles import Profile

_EVERYTHING = Parameters(
    tools=(FunctionTool("probe", parameters={"type": "object", "properties": {}}),),
    parallel_tool_calls=False,
    text=TextOptions(JsonSchemaFormat("probe", {"type": "object"}), "low"),
    top_logprobs=1,
    seed=1,
)
#: Fields of Honoured -> the parameters that they stand for.
_NAMES = {
    "structured_outputs": "text.format",
    "parallel_tool_calls": "parallel_tool_calls",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
    "seed": "seed",
}
_EFFORT = "reasoning.effort"


class Format(Protocol):
    """The part of http.WireFormat that is needed here."""

    def ignored(self, request: ModelRequest, profile: Profile) -> tuple[str, ...]: ...

    def facts(self, model: str) -> ModelFacts: ...


def describer(wire_format: Format) -> Callable[[Profile, str], tuple[ModelFacts, Honoured]]:
    """Return a cached function that gives a model's facts and the parameters honoured for it.

    MEASURED: four requests are written for each model, which takes 0.1 ms; a server may list
    thousands, and a cache that cannot hold all of a list that is read in order has none of it.
    """

    @lru_cache(maxsize=8192)
    def describe(profile: Profile, model: str) -> tuple[ModelFacts, Honoured]:
        return _facts(wire_format, profile, model), _honoured(wire_format, profile, model)

    return describe


def _honoured(wire_format: Format, profile: Profile, model: str) -> Honoured:
    """Return which parameters a server with this profile honours for the model."""
    ignored = wire_format.ignored(_request(model, _EVERYTHING), profile)
    return Honoured(**{name: parameter not in ignored for name, parameter in _NAMES.items()})


def _facts(wire_format: Format, profile: Profile, model: str) -> ModelFacts:
    """Return the facts from the model's name, with efforts and modalities from the profile."""
    facts = wire_format.facts(model)
    efforts = facts.reasoning_efforts or EFFORTS
    wanted = {each: Parameters(reasoning=ReasoningOptions(each)) for each in efforts}
    known = tuple(
        each
        for each, parameters in wanted.items()
        if _EFFORT not in wire_format.ignored(_request(model, parameters), profile)
    )
    texts_alone = ("text",) if not (profile.images or profile.files) else None
    own = ModelFacts(reasoning_efforts=known, input_modalities=texts_alone)
    return own.over(facts)


def _request(model: str, parameters: Parameters) -> ModelRequest:
    return ModelRequest(model=model, items=(), parameters=parameters, stream=False)
