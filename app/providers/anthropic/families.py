"""The abilities of each family of models that speak this format, as data."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

#: The type in `thinking` that keeps a model from thinking before it answers; None: there is none.
Quiet = Literal["disabled", "between_tools"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The models whose id matches `glob`.

    `output_tokens` is the limit that is sent if the request has none (the format requires one),
    `most_output_tokens` is the models' own limit. `thinking` is the mode in which they think: as
    they see fit (adaptive), within a budget of tokens, or not at all; `quiet` is the switch that
    turns it off, `top_effort` their name for the effort `xhigh`. `sampling` says that they accept
    temperature and top_p, `structured` that a JSON schema can be enforced, `prefill` that they
    continue an answer at the end of the request, `forced_calls` that they can be made to call a
    tool, `reads_images` that they read images and files.
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


#: Globs of names, dots and other marks written as hyphens; the first match wins. Up to Claude 4.1 a
#: limit that exceeds the context together with the input is refused, so lower ones are sent there.
#: Specific versions precede globs that match them, too: a first version has no number, or a date.
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
    """Tell whether a model's name matches a known family."""
    return family_of(model).glob != "*"


def family_of(model: str) -> Family:
    """Return the family that a model's id belongs to.

    An unknown Claude model is assumed to refuse everything that any known one refuses.
    """
    name = model.lower().translate(_MARKS)
    return next(family for family in FAMILIES if fnmatchcase(name, family.glob))
