"""What tests of the spool share: a store that comes and goes, its id, and a time that stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from redis.exceptions import OutOfMemoryError

from app.domain.accounts.content_key import ContentKey
from app.domain.items import Item
from app.domain.turns.turn import Turn
from app.errors import StorageUnavailable, Unconfirmed
from app.store.responses.packed.packed_turn import PackedTurn
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.folders import SpoolFolders
from tests.memory_stores.responses import MemoryStore


class FlakyStore(MemoryStore):
    """A store that is away, takes no writes, or has replicas that lag, when told so.

    It is its own identity.
    """

    def __init__(self, store_id: str = "store_1") -> None:
        super().__init__()
        self.store_id = store_id
        self.away = self.full = self.lagging = False
        self.confirms = 0
        self.writes = 0
        self.packed: list[PackedTurn] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def save(self, turn: Turn) -> bool:
        stands = self.keep(turn)
        self.confirm(turn.response.id, 0)
        return stands

    def keep(self, turn: Turn | PackedTurn) -> bool:
        self.meanwhile()
        self.probe()
        if isinstance(turn, PackedTurn):
            self.packed.append(turn)
            return True
        return super().save(turn)

    def confirm(self, response_id: str, wait_s: float) -> None:
        self.confirms += 1
        if self.lagging:
            raise Unconfirmed(response_id)

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        self.ping()
        return super().get(account, response_id, key)

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        self.ping()
        return super().items(account, item_ids, key)

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        super().get(account, response_id, key)
        self.probe()
        super().delete(account, response_id, key)

    def read(self) -> str:
        self.ping()
        return self.store_id

    def probe(self) -> None:
        self.writes += 1
        self.ping()
        if self.full:
            cause = OutOfMemoryError("command not allowed", status_code="OOM")
            raise StorageUnavailable("away", retry_after_s=1) from cause

    def ping(self) -> None:
        if self.away:
            raise StorageUnavailable("away", retry_after_s=1) from ConnectionError("refused")


@dataclass
class Time:
    """Time that passes only while somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)
        self.meanwhile()

    def now(self) -> float:
        return self.at


class Delivery(SpoolDelivery):
    """A delivery whose timer is a test's own to turn."""

    def start(self) -> None:
        """Do nothing."""


def delivery(store: FlakyStore, directory: Path, time: Time, *accounts: str) -> SpoolDelivery:
    """Return a process's delivery; `accounts` are those that the store knows, none: any."""
    made = Delivery(
        store,
        store,
        SpoolFolders(directory, time.now),
        lambda account: not accounts or account in accounts,
        sleep=time.sleep,
        now=time.now,
    )
    made.tick()
    return made
