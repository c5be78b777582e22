"""The ids and names under which an answer shows its calls. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from app.domain.ids import call_id, distinct_call_id
from app.domain.stream.deltas import CallOpened


@dataclass(frozen=True, slots=True)
class CallNames:
    """What an answer has to know of the request to name its calls.

    `used_ids` are those of earlier calls, which no other may have. `namespaced` has the namespace
    and the own name of each function that models know under a qualified one.
    """

    used_ids: Container[str] = frozenset()
    namespaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def own_id(self, given: str, response_id: str) -> str:
        """Return the id of a call to which the upstream has given one."""
        own_id = call_id(given)
        return distinct_call_id(own_id, response_id) if own_id in self.used_ids else own_id

    def own_name(self, call: CallOpened) -> tuple[str | None, str]:
        """Return the namespace of the function, None where it is in none, and its name there."""
        if call.namespace is None and call.name in self.namespaced:
            return self.namespaced[call.name]
        return call.namespace, call.name
