"""Whether Redis would execute every command of the gateway, for the user whom REDIS_URL names.

A Lua program that may not execute its fifth command has executed the four before it. So permissions
are examined before any program needs them: the commands are queued in a transaction, which is then
discarded. Redis judges a command's name, user, keys and channels when it is queued (redis.io,
"Transactions"), and executes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from app.domain.frozen import frozen_dataclass
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.checks import servers
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.reasons import is_unknown_command
from app.store.connection.round_trip import Command, exchange
from app.store.keys import Keys

#: The commands that the gateway and its Lua programs execute on a key, by the least number of
#: arguments after the key. tests/store/test_permissions.py compares them with the code.
OF_KEYS = {
    0: "DEL EXISTS GET GETDEL HGETALL HKEYS HLEN HVALS INCR LLEN LPOP SCARD SMEMBERS SRANDMEMBER "
    "TYPE UNLINK ZCARD",
    1: "EXPIRE HDEL HEXISTS HGET HMGET HSCAN HSTRLEN INCRBY LINDEX LPOS LPUSH PEXPIRE PEXPIREAT "
    "RPUSH SADD SET SISMEMBER SREM SSCAN XDEL ZMSCORE ZREM ZSCORE",
    2: "HINCRBY HSET HSETNX LRANGE LREM LSET LTRIM XRANGE XREVRANGE ZADD ZCOUNT ZRANGE "
    "ZRANGEBYSCORE ZREMRANGEBYSCORE ZREVRANGEBYSCORE",
    3: "XADD",
}
#: Ends of keys' names, one of each kind: a user may have patterns narrower than `~PREFIX*`.
_KINDS = (
    *("{tag}", "{account:a}:usage", "{accounts}:keys", "{dramatiq}", "{expiring}", "{jobs}"),
    *("{requests}", "conversations:a", "deleted", "homes:a", "idempotency:a:", "named:a"),
    *("responses:a", "store_id", "stored:a", "user:a:", "write_probe"),
)


@frozen_dataclass(frozen=True, slots=True)
class Refusals:
    """What Redis would not execute: each is a command, `key NAME` or `channel NAME`.

    `forbidden` is refused to this user, `unknown` are commands that the server does not have: it is
    too old, or has renamed them. `is_unexamined` says that the server discards no transactions.
    """

    forbidden: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    is_unexamined: bool = False

    def __str__(self) -> str:
        parts = []
        if self.forbidden:
            parts.append(f"NOPERM: the user of Redis may not use {', '.join(self.forbidden)}")
        if self.unknown:
            parts.append(f"Redis does not know {', '.join(self.unknown)}")
        return "; ".join(parts)


def permissions(client: Client, settings: RedisSettings) -> PermissionCheck:
    """Return what examines the permissions that a gateway with these settings needs."""
    return PermissionCheck(client, settings.prefix, waits=settings.wait_replicas > 0)


class PermissionCheck:
    """Examines permissions; `waits` says whether writes wait for replicas (WAIT)."""

    def __init__(self, client: Client, prefix: str, *, waits: bool) -> None:
        self._client = client
        self._commands = list(_commands(prefix, waits=waits))

    def refusals(self) -> Refusals:
        """Return what some server would refuse. Raises StorageUnavailable."""
        with translated():
            found = [self._refusals(node) for _, node in servers(self._client)]
        return Refusals(
            tuple(dict.fromkeys(each for one in found for each in one.forbidden)),
            tuple(dict.fromkeys(each for one in found for each in one.unknown)),
            is_unexamined=any(each.is_unexamined for each in found),
        )

    def require(self) -> None:
        """Raise StorageUnavailable if anything would be refused."""
        if str(refusals := self.refusals()):
            raise StorageUnavailable(str(refusals), retry_after_s=1)

    def _refusals(self, node: Any) -> Refusals:
        names, commands = zip(*self._commands, strict=True)
        replies = _queued(node, commands)
        if replies is None:
            return Refusals(is_unexamined=True)
        forbidden, unknown = [], []
        for name, reply in zip(names, replies, strict=True):
            is_command = " " not in name
            if isinstance(reply, NoPermissionError):
                # Commands are examined with a key, and keys by a command, which may be the reason.
                if is_command == ("command" in str(reply)):
                    forbidden.append(name)
            elif is_command and is_unknown_command(reply):
                unknown.append(name)
        return Refusals(tuple(forbidden), tuple(unknown))


def _commands(prefix: str, *, waits: bool) -> Iterator[tuple[str, Command]]:
    """Yield each command, by the name of what is examined by it."""
    keys = Keys(prefix)
    for count, names in OF_KEYS.items():
        for name in names.split():
            yield name, (name, keys.write_probe, *("1",) * count)
    yield "EVAL", ("EVAL", "return 1", 0)
    yield "EVALSHA", ("EVALSHA", "0" * 40, 0)
    yield "PING", ("PING",)
    yield "PUBLISH", ("PUBLISH", keys.news, "")
    yield "SCAN", ("SCAN", 0)
    yield "SUBSCRIBE", ("SUBSCRIBE", keys.news)
    yield "TIME", ("TIME",)
    if waits:
        yield "WAIT", ("WAIT", 0, 1)
    for kind in _KINDS:
        # It reads and writes, but would change nothing if a proxy did execute it.
        yield f"key {prefix}{kind}", ("HDEL", f"{prefix}{kind}", "no such field")
    for channel in (keys.news, keys.stream_news):
        yield f"channel {channel}", ("PUBLISH", channel, "")


def _queued(node: Any, commands: tuple[Command, ...]) -> list[Any] | None:
    """Queue commands in a transaction and discard it; return the replies.

    None if the server begins none: then they would be executed. A connection that broke while it
    was idle is reopened, as redis-py does.
    """
    pool = node.connection_pool
    connection = pool.get_connection()
    try:
        replies: list[Any] | None = connection.retry.call_with_retry(
            lambda: _discarded(connection, commands), lambda _: connection.disconnect()
        )
        return replies
    finally:
        pool.release(connection)


def _discarded(connection: Any, commands: tuple[Command, ...]) -> list[Any] | None:
    connection.send_command("MULTI")
    try:
        connection.read_response()
    except ResponseError:
        return None
    sent = [*commands, ("DISCARD",)]
    *replies, discarded = exchange(connection, connection.pack_commands(sent), len(sent))
    if isinstance(discarded, Exception):
        connection.disconnect()  # that discards it as well
    return list(replies)
