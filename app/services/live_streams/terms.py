"""How a stream is to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.frozen import frozen_dataclass
from app.domain.stream.replay.cuts import StreamCuts


@frozen_dataclass(frozen=True, slots=True)
class StreamTerms:
    """`body` is the JSON of its request; without it the stream is not seen while it runs.

    `outlasts` says that it may go on without its caller. `cuts`, if it is there, is what notes
    where it is cut; of one that is stored, that is kept.
    """

    body: Mapping[str, Any] | None = None
    outlasts: bool = False
    cuts: StreamCuts | None = None


NO_TERMS = StreamTerms()
