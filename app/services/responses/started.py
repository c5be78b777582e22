"""An answer that has begun, on its way to its caller."""

from __future__ import annotations

from app.domain.frozen import frozen_dataclass
from app.domain.items import Item
from app.domain.turns.compaction import CompactedConversation
from app.services.answering.run import Run
from app.services.upstreams.router import UpstreamAnswer


@frozen_dataclass(frozen=True, slots=True)
class Started:
    """An answer that has begun: where it comes from, and what emits it.

    `items` are what its model saw.
    """

    run: Run
    response_id: str
    opened: UpstreamAnswer
    ignored: tuple[str, ...]
    items: tuple[Item, ...] = ()

    def compacted(self) -> CompactedConversation:
        """Run without emitting events; return what the compaction left of the conversation (G6).

        Raises as Run.response does.
        """
        return CompactedConversation.of(self.items, self.run.response())
