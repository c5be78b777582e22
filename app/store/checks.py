"""How a Redis keeps what it is given: facts, for whoever starts the gateway to tell of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from app.store.connect import Client
from app.store.seam import translated


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a server keeps what it is given.

    `policy` is its maxmemory-policy. `snapshots` is None where it does not say: managed ones
    refuse CONFIG.
    """

    server: str
    policy: str
    appends: bool
    snapshots: bool | None

    def warnings(self) -> Iterator[str]:
        """Tell what could lose responses, a sentence each."""
        if self.policy != "noeviction":
            yield (
                f"{self.server} throws data away when its memory is full: set maxmemory-policy "
                f"to noeviction (it is {self.policy})."
            )
        if not self.appends and self.snapshots is False:
            yield f"{self.server} keeps nothing on disk: set appendonly to yes."


def keeping(client: Client) -> list[Keeping]:
    """Ask every server how it keeps what it is given.

    Raises:
        StorageUnavailable: Redis is away.
    """
    with translated():
        return [asked(server, node) for server, node in servers(client)]


def servers(client: Any) -> list[tuple[str, Any]]:
    """Return each server that takes writes, with a name and a client of its own."""
    if isinstance(client, RedisCluster):
        primaries: list[Any] = client.get_primaries()  # type: ignore[no-untyped-call]  # redis-py's
        return [(node.name, client.get_redis_connection(node)) for node in primaries]
    return [("Redis", client)]


def asked(server: str, client: Any) -> Keeping:
    """Ask one server how it keeps what it is given. Raises what redis-py raises."""
    info: dict[str, Any] = client.info()
    appends = bool(info["aof_enabled"])
    return Keeping(server, info["maxmemory_policy"], appends, None if appends else _saves(client))


def _saves(client: Any) -> bool | None:
    try:
        return bool(client.config_get("save")["save"])
    except ResponseError:
        return None
