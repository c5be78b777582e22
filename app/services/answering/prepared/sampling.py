"""Temperature and top_p, which some models accept only while they do not reason (R5). Pure.

Their default value is what a model does anyway. Clients send it unasked (LangChain to o1,
LlamaIndex to all that reason, DSPy and AutoGen to any model), OpenAI accepts it
(OpenHands/software-agent-sdk 992), and other servers refuse any value.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.request import Parameters
from app.errors import InvalidRequest
from app.services.upstreams.catalog import Target

_DEFAULT = 1


def refuse_sampling(target: Target, parameters: Parameters) -> None:
    """Raise InvalidRequest for a temperature or top_p that the target would refuse."""
    if parameters.temperature is parameters.top_p is None or _takes_sampling(target, parameters):
        return
    for name, value in (("temperature", parameters.temperature), ("top_p", parameters.top_p)):
        if value not in {None, _DEFAULT}:
            raise InvalidRequest(
                f"Unsupported parameter: '{name}' is not supported with this model. Leave it out.",
                param=name,
                code="unsupported_parameter",
            )


def accepted_sampling(target: Target, parameters: Parameters) -> tuple[Parameters, tuple[str, ...]]:
    """Return the parameters without those that the target may refuse, and the names of these (R1).

    A default value goes without being named. Only a fallback loses another one: for the first
    target it is refused, a fallback is to answer where that does not.
    """
    if parameters.temperature is parameters.top_p is None or _takes_sampling(target, parameters):
        return parameters, ()
    given = {"temperature": parameters.temperature, "top_p": parameters.top_p}
    names = tuple(name for name, value in given.items() if value not in {None, _DEFAULT})
    return replace(parameters, temperature=None, top_p=None), names


def _takes_sampling(target: Target, parameters: Parameters) -> bool:
    effort = parameters.reasoning and parameters.reasoning.effort
    return target.samples_at is None or effort in target.samples_at
