"""What each family of models that speak this format can do, as data."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

#: What a switch says that keeps a model from thinking before it answers; None: nothing does.
Quiet = Literal["disabled", "between_tools"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The models whose id matches `glob`.

    `output_tokens` is sent where nobody says how much (the format wants a number),
    `most_output_tokens` is what the models can do. `thinking` is how they are made to think: as
    they see fit (adaptive), within a budget of tokens, or not at all; `quiet` is what they can be
    kept from it by, `top_effort` what they call the highest effort but one. `sampling` says that
    they take temperature and top_p, `structured` that they can be held to a JSON schema, `prefill`
    that they go on with an answer that the request ends with, `forced_calls` that they can be made
    to call a tool, `reads_images` that they read images and files.
    """

    glob: str
    output_tokens: int
    most_output_tokens: int
    thinking: Literal["adaptive", "budget", "none"]
    quiet: Quiet = "disabled"
    top_effort: Literal["xhigh", "max"] = "xhigh"
    sampling: bool = True
    structured: bool = True
    prefill: bool = True
    forced_calls: bool = True
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


def _newest(glob: str, *, quiet: Quiet = "disabled", forced_calls: bool = True) -> Family:
    return Family(
        glob=glob,
        output_tokens=128_000,
        most_output_tokens=128_000,
        thinking="adaptive",
        quiet=quiet,
        sampling=False,
        prefill=False,
        forced_calls=forced_calls,
    )


#: Globs of names, dots and other marks written as hyphens; the first match holds. Up to Claude 4.1
#: a limit that, with the input, goes beyond the context is refused, so that less is asked for there
#: than could be. Versions stand before what begins like them: a first version has none, or a date.
#: platform.claude.com, "Thinking troubleshooting" and "What's new" of each model, November 2026.
FAMILIES = (
    _old("*claude-3-5-*", 8192),
    _budgeted("*claude-3-7-*", 32_000, 64_000, structured=False),
    _old("*claude-3-*", 4096),
    _old("*claude-2*", 4096, reads_images=False),
    _budgeted("*claude-opus-4-1*", 32_000, 32_000),
    _budgeted("*claude-*-4-5*", 64_000, 64_000),
    _adaptive("*claude-opus-4-6*", 128_000),
    _adaptive("*claude-sonnet-4-6*", 64_000),
    _newest("*claude-opus-4-[78]*"),
    _budgeted("*claude-opus-4*", 32_000, 32_000, structured=False),
    _budgeted("*claude-4-opus*", 32_000, 32_000, structured=False),
    _budgeted("*claude-sonnet-4*", 32_000, 64_000, structured=False),
    _budgeted("*claude-4-sonnet*", 32_000, 64_000, structured=False),
    _newest("*claude-haiku-5*"),
    _newest("*claude-sonnet-5-5*", quiet="between_tools", forced_calls=False),
    _newest("*claude-sonnet-5*"),
    _newest("*claude-opus-5-20*"),
    _newest("*claude-opus-5-[1-9]*", quiet=None, forced_calls=False),
    _newest("*claude-opus-5*"),
    _newest("*claude-[fm]*-5-20*", quiet=None),  # Fable and Mythos
    _newest("*claude-[fm]*-5-[1-9]*", quiet=None, forced_calls=False),
    _newest("*claude-[fm]*-5*", quiet=None),
    _newest("*claude-mythos-preview*", quiet=None),
    _newest("*claude-*", quiet=None, forced_calls=False),
    _budgeted("*", 8192, 64_000),
)

_MARKS = str.maketrans(".@:", "---")


def has_known_family(model: str) -> bool:
    """Tell whether something is known of a model by its name."""
    return family_of(model).glob != "*"


def family_of(model: str) -> Family:
    """Return the family that a model's id belongs to.

    A Claude that is not known yet is taken for one that refuses whatever any of them refuses.
    """
    name = model.lower().translate(_MARKS)
    return next(family for family in FAMILIES if fnmatchcase(name, family.glob))
