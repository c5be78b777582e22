"""Decides which traces are recorded: the samplers of OTEL_TRACES_SAMPLER. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_PARENT_BASED = "parentbased_"
_IDS = 1 << 64


@dataclass(frozen=True, slots=True)
class Sampler:
    """Decides by a trace's id alone, so that all services in the trace decide alike.

    `ratio` is the share of recorded traces among those that begin here; with `follows_parent` a
    continued trace is recorded if its parent was.
    """

    ratio: float
    follows_parent: bool

    @classmethod
    def named(cls, name: str, ratio: float) -> Sampler:
        """Return the sampler with this OpenTelemetry name; `ratio` is for those that have one."""
        follows = name.startswith(_PARENT_BASED)
        kind = name.removeprefix(_PARENT_BASED)
        return cls({"always_on": 1.0, "always_off": 0.0}.get(kind, ratio), follows)

    def records(self, trace_id: str, parent_is_recorded: bool | None) -> bool:
        """Tell whether to record; `parent_is_recorded` is None if the trace begins here."""
        if self.follows_parent and parent_is_recorded is not None:
            return parent_is_recorded
        return int(trace_id[16:], 16) < self.ratio * _IDS
