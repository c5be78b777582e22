"""The terms on which a stream is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.frozen import frozen_dataclass
from app.domain.stream.replay.cuts import StreamCuts


@frozen_dataclass(frozen=True, slots=True)
class StreamTerms:
    """`body` is the JSON of its request; without it nobody else sees the stream while it runs.

    `outlasts` says that it may go on without its caller. `cuts`, if given, records where it is cut;
    that is stored with a stream that is.
    """

    body: Mapping[str, Any] | None = None
    outlasts: bool = False
    cuts: StreamCuts | None = None


NO_TERMS = StreamTerms()
