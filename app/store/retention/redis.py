"""What is due to be purged, in Redis; lua/due.lua describes the keys.

Redis's own expiry is not used: a response is a part of its conversation (docs/retention.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from app.domain.ids import tag_of
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Safety
from app.store.connection.script import LuaFolder, Script, run_all
from app.store.keys import Keys
from app.store.responses.archive_base import Purged
from app.store.responses.purging import Purging
from app.store.retention.base import Due

#: Seconds after which something that had not ended is tried again.
AGAIN_S = 3600
#: Seconds after which what was purged is looked at again: a Redis that is killed may lose what it
#: did in its last two (`appendfsync everysec`), a purge among that, and be told to settle it later.
LOST_WITHIN_S = 3
#: Seconds for which the places of an empty conversation stay: an answer that was begun before its
#: last turn expired must still find where it belongs.
PLACES_S = 86_400
#: For what is due only "is hidden" matters, by Redis's clock; the time by ours does not.
_WHENEVER = 2**53

_DUE = Script(LuaFolder(__file__)("due"))


class RedisRetention:
    """Implements RetentionStore on any Redis >= 6.2, Cluster included.

    `lease_s` is how long a silent process keeps others from sweeping; `now` returns Unix seconds.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        safety: Safety = ONE_SERVER,
        lease_s: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._purging = Purging(client, self._keys, safety)
        self._lease_ms = int(lease_s * 1000)
        self._now = now
        self._expiring = self._keys.expiring
        self._lease, self._since = f"{self._expiring}:lease", f"{self._expiring}:since"
        self._unlogged = self._keys.unlogged

    def due(self, token: str, most: int) -> Due | None:
        """Take or renew the lease and return what is due; None if another process has it."""
        keys = (self._expiring, self._lease, self._since)
        with translated():
            reply = _DUE(keys, (token, self._lease_ms, most)).run(self._redis)
        if reply is None:
            return None
        ids, count, late_s = reply
        return Due(tuple(each.decode() for each in ids), count, float(late_s))

    def purge(self, any_id: str, *, only_due: bool) -> Purged | None:
        """Purge something; None if it has not ended, or is not due."""
        now = int(self._now())
        with translated():
            if not only_due:  # if this purge is cut off, a sweep completes it
                self._redis.zadd(self._expiring, {any_id: now + AGAIN_S}, lt=True)
            return self._purging.purge(any_id, now, _WHENEVER if only_due else None)

    def settle(self, purged: Sequence[Purged]) -> None:
        """Remove purged things from the indexes, once no copies of them are left elsewhere."""
        now, marks = int(self._now()), list[Command]()
        with translated():
            self._purging.settle(purged)
            for each in purged:
                marks.append(("ZREM", self._keys.deleted, each.any_id))
                places_until = (each.hidden_at or 0) + PLACES_S
                if each.hidden_at is not None and places_until > now:
                    marks.append(("ZADD", self._expiring, places_until, each.any_id))
                    continue
                if each.hidden_at is not None:
                    self._purging.erase_empty(each.account, tag_of(each.any_id) or "")
                if each.is_news:
                    marks.append(("ZADD", self._expiring, now + LOST_WITHIN_S, each.any_id))
                else:
                    marks.append(("ZREM", self._expiring, each.any_id))
            if marks:
                run_all(self._redis, marks)

    def postpone(self, any_id: str) -> None:
        """Schedule something again for later: it cannot be purged now."""
        with translated():
            self._redis.zadd(self._expiring, {any_id: int(self._now()) + AGAIN_S})

    def unlogged(self, most: int) -> set[str]:
        """Return ids of purged responses that the request log, or deliveries, may still name."""
        with translated():
            found = self._redis.srandmember(self._unlogged, most)
        return {response_id.decode() for response_id in found}

    def log_erased(self, response_ids: set[str]) -> None:
        """Record that neither the request log nor deliveries name these any more."""
        if response_ids:
            with translated():
                self._redis.srem(self._unlogged, *response_ids)
