"""What `doctor` reports about one thing that it has examined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined, its state and why, and the remedy: "" if none is needed."""

    what: str
    state: State
    detail: str
    remedy: str = ""
