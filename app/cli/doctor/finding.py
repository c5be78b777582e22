"""What `doctor` says of one thing that it has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is and why, and what mends it: "" where nothing has to be."""

    what: str
    state: State
    detail: str
    remedy: str = ""
