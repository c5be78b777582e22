"""Decide how much the model is to think. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.domain.answer_options import ReasoningOptions
from app.domain.items import FunctionCall, FunctionCallOutput, Item, Message, Reasoning
from app.domain.request import ModelRequest
from app.providers.anthropic.families import Family
from app.providers.profiles import takes_effort

LEAST_BUDGET = 1024

#: The thinking budget as a share of the output limit, for models with a budget.
_SHARES = {"minimal": 0.02, "low": 0.1, "medium": 0.3, "high": 0.6, "xhigh": 0.9, "max": 0.95}


@dataclass(frozen=True, slots=True)
class Thinking:
    """The values to send: `switch` as `thinking`, `effort` in output_config; None omits them.

    `thinks` says that the model is to think, `max_tokens` limits thoughts and answer
    together. `ignored` names requested parameters that have no effect.
    """

    max_tokens: int
    switch: dict[str, Any] | None = None
    effort: str | None = None
    thinks: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def is_off(self) -> bool:
        """Whether the model is told not to think."""
        return self.switch == {"type": "disabled"}


def thinking(
    request: ModelRequest,
    family: Family,
    *,
    forced: bool,
    sealed: bool = True,
    says_effort: bool = False,
) -> Thinking:
    """Return how the model is to think; `forced` says that it must call a tool at once (U7).

    `sealed` says that only thoughts signed by the model's server are returned to it,
    `says_effort` that an effort is sent in addition to a budget.
    """
    max_tokens = (
        request.parameters.max_output_tokens
        or request.max_output_tokens_default
        or family.output_tokens
    )
    options = request.parameters.reasoning or ReasoningOptions()
    if options.effort is None and options.summary in (None, "none"):
        return Thinking(max_tokens)
    if options.effort == "none":
        if not takes_effort(request.model, "none"):
            return Thinking(max_tokens, ignored=("reasoning.effort", *_ignored_summary(options)))
        return _without(max_tokens, options, family)
    if family.thinking == "none" or forced:
        return _left_out(max_tokens, options, family)
    if family.thinking == "adaptive":
        return _adaptive(max_tokens, options, family)
    if options.effort is None or (sealed and _calls_without_a_thought(request.items)):
        return _left_out(max_tokens, options, family)
    thoughts = _within_budget(max_tokens, options, family)
    if not says_effort:
        return thoughts
    if options.effort != "minimal":
        return replace(thoughts, effort=options.effort)
    return replace(thoughts, effort="low", ignored=("reasoning.effort", *thoughts.ignored))


def _without(max_tokens: int, options: ReasoningOptions, family: Family) -> Thinking:
    if family.thinking == "adaptive" and family.quiet is None:
        return Thinking(
            max_tokens, effort="low", ignored=("reasoning.effort", *_ignored_summary(options))
        )
    switch = None if family.thinking == "none" else {"type": family.quiet}
    return Thinking(max_tokens, switch)


def _left_out(max_tokens: int, options: ReasoningOptions, family: Family) -> Thinking:
    can_say_so = family.thinking == "adaptive" and family.quiet is not None
    effort = ("reasoning.effort",) if options.effort is not None else ()
    summary = ("reasoning.summary",) if options.summary not in (None, "none") else ()
    return Thinking(
        max_tokens, {"type": family.quiet} if can_say_so else None, ignored=effort + summary
    )


def _adaptive(max_tokens: int, options: ReasoningOptions, family: Family) -> Thinking:
    names = {"minimal": "low", "xhigh": family.top_effort}
    effort = options.effort and names.get(options.effort, options.effort)
    changed = ("reasoning.effort",) if effort != options.effort else ()
    switch = {"type": "adaptive"} | _display(options)
    return Thinking(
        max_tokens, switch, effort, thinks=True, ignored=(*changed, *_ignored_summary(options))
    )


def _within_budget(max_tokens: int, options: ReasoningOptions, family: Family) -> Thinking:
    """Add the budget to the answer's limit, up to the model's own limit."""
    share = _SHARES.get(options.effort or "", _SHARES["medium"])
    budget = max(LEAST_BUDGET, int(max_tokens * share))
    raised = min(max_tokens + budget, family.most_output_tokens)
    switch = {"type": "enabled", "budget_tokens": budget} | _display(options)
    return Thinking(max(max_tokens, raised), switch, thinks=True, ignored=_ignored_summary(options))


def _display(options: ReasoningOptions) -> dict[str, str]:
    if options.summary is None:
        return {}
    return {"display": "omitted" if options.summary == "none" else "summarized"}


def _ignored_summary(options: ReasoningOptions) -> tuple[str, ...]:
    """Return the summary's parameter if it has a length: the format has only one."""
    return ("reasoning.summary",) if options.summary in ("concise", "detailed") else ()


def _calls_without_a_thought(items: tuple[Item, ...]) -> bool:
    """Tell whether the turn that tool outputs continue began without a thought to return.

    A model with a budget refuses to think in such a turn: another provider may have begun it.
    """
    turn = list(items)
    while turn and isinstance(turn[-1], FunctionCallOutput):
        turn.pop()
    if len(turn) == len(items):
        return False
    for item in reversed(turn):
        match item:
            case Reasoning():
                if item.encrypted_content is not None:
                    return False
            case FunctionCall() | Message(role="assistant"):
                continue
            case _:
                break
    return True
