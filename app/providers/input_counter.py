"""Where servers count the tokens of a request without answering it (G9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.providers.reading.counts import whole_number
from app.providers.reading.json_text import loads


@dataclass(frozen=True, slots=True)
class InputCounter:
    """A counter: its path, which fields of an answer's body it takes, and how it says the number.

    The path is below the base URL; that of `at_root` is below what stands before its /v1.

    A count, as most servers give it: `{"input_tokens": 23}`.
    """

    path: str
    takes: frozenset[str]
    number: str = "input_tokens"
    at_root: bool = False

    def body(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of an answer's body is counted; samplers and limits are not of the input."""
        return {name: value for name, value in sent.items() if name in self.takes}

    def read(self, answer: bytes) -> int | None:
        """Return the count, or None where there is none that can be read."""
        try:
            fields = loads(answer)
        except ValueError:
            return None
        return whole_number(fields.get(self.number)) if isinstance(fields, dict) else None
