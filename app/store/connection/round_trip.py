"""One round trip to Redis, straight on a connection of redis-py's pool.

MEASURED: a pipeline of redis-py takes 90 µs of CPU beside what goes over the wire, a command by
itself 45, this 15; a request makes two or three round trips. What is left out is the keeping of
statistics that nobody reads; connections, parsers, retries and time-outs are redis-py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof
from time import sleep
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

Command = tuple[Any, ...]

#: From how many bytes on a value is not copied to be sent: packed, it would be there three times.
LONG = 256 * 1024
#: How often commands may follow their slot to another server, or wait for it to come there, and for
#: how long each time.
REDIRECTIONS, MOVES_S = 8, 0.05
_ELSEWHERE = (ClusterDownError, MasterDownError, MovedError, ReadOnlyError, TryAgainError)
_PROGRAMS = frozenset({"EVALSHA", "EVAL"})
#: The name, behind its slot's tag, of a key that is never written.
NEVER_THERE = ":moves"


def round_trip(client: Any, commands: Sequence[Command]) -> list[Any]:
    """Send commands at once and return their replies as they come; a refusal is its exception.

    On a Cluster that is one round trip to each node, and no order among them. Raises what
    redis-py raises when the server cannot be reached.
    """
    if not isinstance(client, Redis):
        return _on_cluster(client, commands)
    packed = _packed(commands)
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        return _exchange(connection, packed, len(commands))
    except Exception as error:  # noqa: BLE001 - redis-py tells which of them are tried again
        return _again(connection, packed, len(commands), error)
    finally:
        pool.release(connection)


def _again(connection: Any, packed: list[bytes], count: int, error: Exception) -> list[Any]:
    """Go on as redis-py's retries do where the first try has failed with this error.

    MEASURED: they take 2 µs where nothing fails.
    """
    failures = [error]

    def attempt() -> list[Any]:
        if failures:
            raise failures.pop()
        return _exchange(connection, packed, count)

    replies: list[Any] = connection.retry.call_with_retry(attempt, connection.disconnect)
    return replies


def _packed(commands: Sequence[Command]) -> list[bytes]:
    """Return commands as they go over the wire; a picture in one of them is sent as it is."""
    for command in commands:
        # MEASURED: to ask each of a turn's twenty values here takes 4 µs more than the packing.
        if max(map(getsizeof, command)) > LONG:
            return [piece for command in commands for piece in _in_pieces(command)]
    return [b"".join(map(pack_command, commands))]


def _in_pieces(command: Command) -> list[bytes]:
    """Return a command in RESP without a copy of what is long (redis.io, "RESP specification")."""
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


def _exchange(connection: Any, packed: list[bytes], count: int) -> list[Any]:
    connection.send_packed_command(packed)
    replies: list[Any] = []
    try:
        while len(replies) < count:
            try:
                replies.append(connection.read_response())
            except ResponseError as refused:
                replies.append(refused)
    except BaseException:
        connection.disconnect()  # what else comes on it would be taken for another's reply
        raise
    return replies


def _on_cluster(client: Any, commands: Sequence[Command]) -> list[Any]:
    commands = list(map(bound_to_slot, commands))
    if len(commands) == 1:
        try:
            return [client.execute_command(*commands[0])]
        except ResponseError as refused:
            return [refused]
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute(raise_on_error=False))


def bound_to_slot(command: Command) -> Command:
    """Return a command for a Cluster: a program with one key more, of its slot, that is not there.

    While a slot is moved, key after key, a server takes a command for those that it has. A program
    uses keys that it does not name: it would see a part of them, and write others a second time,
    in the new place. A key that is nowhere has it refused (TRYAGAIN, ASK) until all have moved; the
    program itself does not see it (script.Script).
    """
    if command[0] not in _PROGRAMS:
        return command
    name, program, count, *more = command
    tag, brace, _ = str(more[0]).partition("}") if count else ("", "", "")
    if not brace:
        return command  # it has no key, or one that is its slot by itself
    return (name, program, count + 1, *more[:count], tag + brace + NEVER_THERE, *more[count:])


def on_slot(client: Any, key: str, commands: Sequence[Command]) -> list[Any]:
    """Do what `round_trip` does, for commands of one slot: on one connection, in their order.

    On a Cluster they follow the slot to another server. Whatever has happened by then happens
    twice.
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
            client.nodes_manager.initialize()  # another may be master by the next time
            raise
        moved = next((reply for reply in replies if isinstance(reply, _ELSEWHERE)), None)
        if moved is None:
            return replies
        if isinstance(moved, TryAgainError):
            sleep(MOVES_S)
        _settle(client, key)
    raise ConnectionLost("the Cluster does not settle")


def _settle(client: Any, key: str) -> None:
    """Have redis-py find out which server has a slot, by a command that changes nothing."""
    client.execute_command("EXISTS", key)
