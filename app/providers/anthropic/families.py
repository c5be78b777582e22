"""What each family of models that speak this format can do, as data."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The models whose id matches `glob`.

    `output_tokens` is sent where nobody says how much (the format wants a number),
    `most_output_tokens` is what the models can do. `thinking` is how they are made to think: as
    they see fit (adaptive), within a budget of tokens, or not at all; `stops_thinking` says that
    they can be kept from it, `top_effort` what they call the highest effort but one. `sampling`
    says that they take temperature and top_p, `structured` that they can be held to a JSON
    schema, `prefill` that they go on with an answer that the request ends with, `reads_images` that
    they read images and files.
    """

    glob: str
    output_tokens: int
    most_output_tokens: int
    thinking: Literal["adaptive", "budget", "none"]
    stops_thinking: bool = True
    top_effort: Literal["xhigh", "max"] = "xhigh"
    sampling: bool = True
    structured: bool = True
    prefill: bool = True
    reads_images: bool = True


def _old(glob: str, output_tokens: int, *, reads_images: bool = True) -> Family:
    return Family(
        glob=glob,
        output_tokens=output_tokens,
        most_output_tokens=output_tokens,
        thinking="none",
        structured=False,
        reads_images=reads_images,
    )


def _budgeted(glob: str, output_tokens: int, most: int, *, structured: bool = True) -> Family:
    return Family(
        glob=glob,
        output_tokens=output_tokens,
        most_output_tokens=most,
        thinking="budget",
        structured=structured,
    )


def _adaptive(glob: str, most: int) -> Family:
    return Family(
        glob=glob,
        output_tokens=most,
        most_output_tokens=most,
        thinking="adaptive",
        top_effort="max",
        prefill=False,
    )


def _newest(glob: str, *, stops_thinking: bool = True) -> Family:
    return Family(
        glob=glob,
        output_tokens=128_000,
        most_output_tokens=128_000,
        thinking="adaptive",
        stops_thinking=stops_thinking,
        sampling=False,
        prefill=False,
    )


#: The first match holds. Up to Claude 4.1 a limit that, with the input, goes beyond the context
#: is refused, so that less is asked for there than could be.
FAMILIES = (
    _old("*claude-3-5-*", 8192),
    _budgeted("*claude-3-7-*", 32_000, 64_000, structured=False),
    _old("*claude-3-*", 4096),
    _old("*claude-2*", 4096, reads_images=False),
    _budgeted("*claude-opus-4-1*", 32_000, 32_000),
    _budgeted("*claude-opus-4[-@]20*", 32_000, 32_000, structured=False),
    _budgeted("*claude-opus-4-0*", 32_000, 32_000, structured=False),
    _budgeted("*claude-sonnet-4[-@]20*", 32_000, 64_000, structured=False),
    _budgeted("*claude-sonnet-4-0*", 32_000, 64_000, structured=False),
    _budgeted("*claude-*-4-5*", 64_000, 64_000),
    _adaptive("*claude-opus-4-6*", 128_000),
    _adaptive("*claude-sonnet-4-6*", 64_000),
    _newest("*claude-fable-*", stops_thinking=False),
    _newest("*claude-mythos-*", stops_thinking=False),
    _newest("*claude-opus-5-5*", stops_thinking=False),
    _newest("*claude-*"),
    _budgeted("*", 8192, 64_000),
)


def has_known_family(model: str) -> bool:
    """Tell whether something is known of a model by its name."""
    return family_of(model).glob != "*"


def family_of(model: str) -> Family:
    """Return the family that a model's id belongs to: the newest one for a Claude yet unknown."""
    name = model.lower()
    return next(family for family in FAMILIES if fnmatchcase(name, family.glob))
