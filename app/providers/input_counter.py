"""Endpoints at which servers count a request's tokens without answering it (G9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.providers.reading.counts import whole_number
from app.providers.reading.json_text import loads


@dataclass(frozen=True, slots=True)
class InputCounter:
    """A token counter: its path, the request fields that it takes, and its result's field name.

    The path is relative to the base URL; with `at_root`, to the base URL without its /v1.

    A result, as most servers give it: `{"input_tokens": 23}`.
    """

    path: str
    takes: frozenset[str]
    number: str = "input_tokens"
    at_root: bool = False

    def body(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request's body that count; samplers and limits are not input."""
        return {name: value for name, value in sent.items() if name in self.takes}

    def read(self, answer: bytes) -> int | None:
        """Return the count, or None if the answer has no readable one."""
        try:
            fields = loads(answer)
        except ValueError:
            return None
        return whole_number(fields.get(self.number)) if isinstance(fields, dict) else None
