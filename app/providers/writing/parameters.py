"""Parameters that are sent to upstreams under their own names, and which formats do so. Pure.

A pass-through parameter needs one row here, its field in `domain.request`, its field in
`schemas.request` and its row in tests/contract/test_parameters.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from app.domain.request import Parameters
from app.providers.profiles import Profile
from app.providers.profiles.profile import GENERIC

#: How a format treats a parameter: sends it; reports it as ignored; or handles it in its own code.
#: Any other word names the quirk of a profile that says whether it may be sent.
SENT, IGNORED, OWN = "sent", "ignored", "own"


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter, and how each format treats it."""

    name: str
    chat: str
    responses: str
    messages: str
    local: str


ROWS = (
    Row("temperature", SENT, SENT, OWN, IGNORED),
    Row("top_p", SENT, SENT, OWN, IGNORED),
    Row("presence_penalty", "penalties", "penalties", OWN, IGNORED),
    Row("frequency_penalty", "penalties", "penalties", OWN, IGNORED),
    Row("seed", "seed", IGNORED, IGNORED, OWN),
    Row("user", "user", "user", OWN, OWN),
    Row("safety_identifier", "safety_identifier", "safety_identifier", OWN, OWN),
    Row("prompt_cache_key", "prompt_cache_key", "prompt_cache_key", IGNORED, IGNORED),
    Row(
        "prompt_cache_retention",
        "prompt_cache_retention",
        "prompt_cache_retention",
        IGNORED,
        IGNORED,
    ),
)


class PassThrough:
    """One format's treatment of all parameters, compiled once from its column of the table."""

    def __init__(self, column: Literal["chat", "responses", "messages", "local"]) -> None:
        fates = {row.name: getattr(row, column) for row in ROWS}
        self._fates = tuple((name, fate) for name, fate in fates.items() if fate != OWN)
        self._values = attrgetter(*(name for name, _ in self._fates))
        self._none_given = (None,) * len(self._fates)

    def body(self, parameters: Parameters, profile: Profile) -> dict[str, Any]:
        """Return the fields to send to a server with this profile."""
        # MEASURED: most requests have few parameters, and looking for the others took 20 µs.
        if (values := self._values(parameters)) == self._none_given:
            return {}
        return {
            name: value
            for (name, fate), value in zip(self._fates, values, strict=True)
            if value is not None and _is_sent(fate, profile)
        }

    def ignored(self, parameters: Parameters, profile: Profile = GENERIC) -> list[str]:
        """Return the names of parameters that were given and are not sent."""
        if (values := self._values(parameters)) == self._none_given:
            return []
        return [
            name
            for (name, fate), value in zip(self._fates, values, strict=True)
            if value is not None and not _is_sent(fate, profile)
        ]


def _is_sent(fate: str, profile: Profile) -> bool:
    return fate == SENT or (fate != IGNORED and bool(getattr(profile, fate)))
