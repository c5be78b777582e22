"""Waits until enough replicas have a write, on the connection that wrote it.

After a fail-over, WAIT on another connection would ask another server's replicas, which have that
server's data, not the lost write. So the writes and the WAIT are one exchange. An unconfirmed write
may have succeeded all the same: a caller that gets Unconfirmed may repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError

from app.errors import Unconfirmed
from app.store.connection.round_trip import on_slot
from app.store.connection.script import Call, by_hash, by_text, run_in_order, unfailed

Command = tuple[Any, ...]
Write = Call | Command

#: Maximum wait for replicas in seconds, where missing them is not an error.
BEST_EFFORT_S = 0.25


@dataclass(frozen=True, slots=True)
class Safety:
    """`replicas` must have a write within `wait_s`, which is less than a connection's time-out."""

    replicas: int = 0
    wait_s: float = 2.0

    def run(self, client: Any, *writes: Write) -> list[Any]:
        """Run writes in order and return the replies, once enough replicas have all of them.

        They take one round trip; on a Cluster one each, since each may belong to another server.

        Raises:
            Unconfirmed: they were executed, but too few replicas confirmed them.
            RedisError: as redis-py raises it.
        """
        results, reached = self.attempt(client, *writes)
        self.require(reached)
        return results

    def attempt(
        self, client: Any, *writes: Write, wait_s: float | None = None
    ) -> tuple[list[Any], int]:
        """Do what `run` does, but return how many replicas confirmed instead of requiring them."""
        # MEASURED: redis-py's cluster is a protocol, so that isinstance takes three calls.
        if len(writes) == 1 or not isinstance(client, RedisCluster):
            return self._together(client, writes, wait_s)
        results, least = [], self.replicas
        for write in writes:
            (result,), reached = self._together(client, (write,), wait_s)
            results.append(result)
            least = min(least, reached)
        return results, least

    def require(self, reached: int) -> None:
        """Raise Unconfirmed if so many replicas are too few."""
        if reached < self.replicas:
            raise Unconfirmed(
                f"It is written, but only {reached} of {self.replicas} replicas have it: it may "
                "be lost. Try again soon.",
                retry_after_s=1,
            )

    def best_effort(self, client: Any, *writes: Write) -> list[Any]:
        """Do what `run` does, but wait only briefly for replicas, and do not require them."""
        results, _ = self.attempt(client, *writes, wait_s=min(BEST_EFFORT_S, self.wait_s))
        return results

    def _together(
        self, client: Any, writes: Sequence[Write], wait_s: float | None
    ) -> tuple[list[Any], int]:
        if not self.replicas:
            return run_in_order(client, writes), 0
        wait_ms = int((self.wait_s if wait_s is None else wait_s) * 1000)
        wait = ("WAIT", self.replicas, max(1, wait_ms))
        key = _key(writes[0])
        *results, reached = on_slot(client, key, [*map(by_hash, writes), wait])
        if any(type(result) is NoScriptError for result in results):
            *results, reached = on_slot(client, key, [*map(by_text, writes), wait])
        # A server that is no longer the master refuses WAIT.
        return unfailed(results), 0 if isinstance(reached, Exception) else reached


#: For writes that need no replica.
ONE_SERVER = Safety()


def _key(write: Write) -> str:
    key: str = write.keys[0] if isinstance(write, Call) else write[1]
    return key
