"""Sends commands in one round trip to Redis, directly on a connection of redis-py's pool.

MEASURED: a pipeline of redis-py takes 90 µs of CPU beside what goes over the wire, a single command
45, this 15; a request makes two or three round trips. It leaves out redis-py's statistics, which
nobody reads; connections, parsers, retries and time-outs are redis-py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sys import getsizeof
from time import sleep
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.cluster import PipelineCommand
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

Command = tuple[Any, ...]

#: Bytes above which a value is not copied to be sent: packing would put it in memory three times.
LONG = 256 * 1024
#: Maximum number of times that commands follow their slot to another server, or wait for it to be
#: moved, and the wait each time, in seconds.
REDIRECTIONS, MOVES_S = 8, 0.05
_ELSEWHERE = (ClusterDownError, MasterDownError, MovedError, ReadOnlyError, TryAgainError)
#: What becomes of a command that no server has executed, as far as its sender knows.
_UNSERVED = (AskError, ConnectionLost, TimedOut, TryAgainError)  # MovedError is an AskError
_PROGRAMS = frozenset({"EVALSHA", "EVAL"})
#: Suffix, after the slot's tag, of a key that never exists.
NEVER_THERE = ":moves"


def round_trip(client: Any, commands: Sequence[Command]) -> list[Any]:
    """Send commands together and return their replies in order; an error reply is its exception.

    On a Cluster that is one round trip to each node, in no order among them. Raises what redis-py
    raises when a server cannot be reached.
    """
    if not isinstance(client, Redis):
        return _on_cluster(client, commands)
    packed = _packed(commands)
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        return exchange(connection, packed, len(commands))
    except Exception as error:  # noqa: BLE001 - redis-py decides which of them are retried
        return _again(connection, packed, len(commands), error)
    finally:
        pool.release(connection)


def _again(connection: Any, packed: list[bytes], count: int, error: Exception) -> list[Any]:
    """Retry as redis-py does after a first attempt that failed with this error.

    MEASURED: going through redis-py's retry takes 2 µs even if nothing fails.
    """
    failures = [error]

    def attempt() -> list[Any]:
        if failures:
            raise failures.pop()
        return exchange(connection, packed, count)

    replies: list[Any] = connection.retry.call_with_retry(attempt, connection.disconnect)
    return replies


def _packed(commands: Sequence[Command]) -> list[bytes]:
    """Return commands as sent over the wire; a long value, such as a picture, is not copied."""
    for command in commands:
        # MEASURED: a loop over each of a turn's twenty values takes 4 µs more than packing them.
        if max(map(getsizeof, command)) > LONG:
            return [piece for command in commands for piece in _in_pieces(command)]
    return [b"".join(map(pack_command, commands))]


def _in_pieces(command: Command) -> list[bytes]:
    """Return a command in RESP without copying long values (redis.io, "RESP specification")."""
    pieces, before = [], b"*%d\r\n" % len(command)
    for each in command:
        value = each if isinstance(each, bytes) else str(each).encode()
        before += b"$%d\r\n" % len(value)
        if len(value) > LONG:
            pieces += [before, value]
            before = b"\r\n"
        else:
            before += value + b"\r\n"
    return [*pieces, before]


def exchange(connection: Any, packed: list[bytes], count: int) -> list[Any]:
    """Do what `round_trip` does with packed commands, on this connection and without retries."""
    connection.send_packed_command(packed)
    replies: list[Any] = []
    try:
        while len(replies) < count:
            try:
                replies.append(connection.read_response())
            except ResponseError as refused:
                replies.append(refused)
    except BaseException:
        connection.disconnect()  # later replies would be taken for another command's
        raise
    return replies


def _on_cluster(client: Any, commands: Sequence[Command]) -> list[Any]:
    commands = list(map(bound_to_slot, commands))
    if len(commands) == 1:
        try:
            return [client.execute_command(*commands[0])]
        except ResponseError as refused:
            return [refused]
    replies = _at_once(client, commands)
    late = _unserved(replies, range(len(commands)))
    while late:
        late = _served_later(client, commands, replies, late)
    return replies


def _at_once(client: Any, commands: Sequence[Command]) -> list[Any]:
    stack = [PipelineCommand(command, {}, at) for at, command in enumerate(commands)]  # type: ignore[no-untyped-call]
    pipeline = client.pipeline(transaction=False)
    return list(
        pipeline.send_cluster_commands(stack, raise_on_error=False, allow_redirections=False)
    )


def _unserved(replies: Sequence[Any], numbers: Iterable[int]) -> list[int]:
    return [at for at in numbers if isinstance(replies[at], _UNSERVED)]


def _served_later(
    client: Any, commands: Sequence[Command], replies: list[Any], late: Sequence[int]
) -> list[int]:
    """Send commands that were not executed again; return which of them still were not.

    The first goes alone: redis-py learns from it where its slot is, or waits until that has moved
    (0.4 s). The others follow together, but not those that had the same fault if that goes on. By
    itself redis-py's pipeline sends one after the other, and waits as long for each.
    """
    (first, *others), fault = late, type(replies[late[0]])
    try:
        replies[first] = client.execute_command(*commands[first])
    except RedisError as error:
        replies[first] = error
        others = [at for at in others if type(replies[at]) is not fault]
    if others:
        again = _at_once(client, [commands[at] for at in others])
        for at, reply in zip(others, again, strict=True):
            replies[at] = reply
    return _unserved(replies, others)


def bound_to_slot(command: Command) -> Command:
    """Return a command for a Cluster: a program gets one more key of its slot, which never exists.

    While a slot is moved, key by key, a server executes commands whose keys it has. But a program
    uses keys that it does not declare: it would see only some of them, and recreate others in the
    new place. A declared key that is nowhere makes the server refuse it (TRYAGAIN, ASK) until all
    keys have moved; the program itself does not see that key (script.Script).
    """
    if command[0] not in _PROGRAMS:
        return command
    name, program, count, *more = command
    tag, brace, _ = str(more[0]).partition("}") if count else ("", "", "")
    if not brace:
        return command  # it has no key, or one without a hash tag
    return (name, program, count + 1, *more[:count], tag + brace + NEVER_THERE, *more[count:])


def on_slot(client: Any, key: str, commands: Sequence[Command]) -> list[Any]:
    """Do what `round_trip` does for commands of one slot: on one connection, in order.

    On a Cluster they follow the slot to another server. Commands that were executed before that are
    executed twice.
    """
    if isinstance(client, Redis):
        return round_trip(client, commands)
    commands = list(map(bound_to_slot, commands))
    for _ in range(REDIRECTIONS):
        node = client.get_redis_connection(client.get_node_from_key(key))
        try:
            replies = round_trip(node, commands)
        except ConnectionLost:
            _settle(client, key)
            continue
        except TimedOut:
            client.nodes_manager.initialize()  # another node may be master by the next attempt
            raise
        moved = next((reply for reply in replies if isinstance(reply, _ELSEWHERE)), None)
        if moved is None:
            return replies
        if isinstance(moved, TryAgainError):
            sleep(MOVES_S)
        _settle(client, key)
    raise ConnectionLost("the Cluster does not settle")


def _settle(client: Any, key: str) -> None:
    """Make redis-py learn which server has a slot, by a command that changes nothing."""
    client.execute_command("EXISTS", key)
