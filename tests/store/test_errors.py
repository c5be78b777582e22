"""Redis that is away, and Redis that refuses this very command."""

from __future__ import annotations

import errno

import pytest
from redis.exceptions import (
    ConnectionError as Lost,
)
from redis.exceptions import (
    DataError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as TimedOut

from app.errors import GatewayError, StorageRefused, StorageUnavailable
from app.store.connection.errors import translated

AWAY = [
    Lost("Connection refused"),
    TimedOut("Timeout reading from socket"),
    RedisClusterException("Redis Cluster cannot be connected"),
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    ReadOnlyError("You can't write against a read only replica."),
    ResponseError("MISCONF Redis is configured to save RDB snapshots"),
    ResponseError("NOREPLICAS Not enough good replicas to write."),
    ResponseError("BUSY Redis is busy running a script."),
    ResponseError("WRONGPASS invalid username-password pair"),
    ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"),
    ResponseError("max number of clients + cluster connections reached"),
    ResponseError("Error running script, f_1: Script killed by user with SCRIPT KILL."),
    ResponseError("The user executing the script can't run this command or subcommand script: 1"),
    ResponseError("The user executing the script can't publish to the channel mentioned"),
    ResponseError("ACL failure in script: User a has no permissions to run the 'hset' command"),
    ResponseError(
        "Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not "
        "allowed when used memory > 'maxmemory'."
    ),
]
REFUSED = [
    ResponseError("value is not an integer or out of range"),
    ResponseError("hash value is not an integer"),
    ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ResponseError("Error running script (call to f_1): @user_script:3: attempt to compare nil"),
    ResponseError("unknown command 'NOPE', with args beginning with: "),
    DataError("Invalid input of type: 'dict'."),
]


def raised(error: RedisError | RedisClusterException) -> type[GatewayError]:
    with pytest.raises(GatewayError) as caught, translated():
        raise error
    return type(caught.value)


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_a_redis_that_cannot_serve_now_is_away(error: RedisError) -> None:
    assert raised(error) is StorageUnavailable


def test_a_process_without_file_descriptors_does_not_blame_redis() -> None:
    lost = Lost("Error 24 connecting to unix socket")
    lost.__context__ = OSError(errno.EMFILE, "Too many open files")
    for error in (lost, OSError(errno.ENFILE, "Too many open files in system")):
        with pytest.raises(StorageUnavailable) as caught, translated():
            raise error
        assert caught.value.code == "overloaded"


@pytest.mark.parametrize("error", REFUSED, ids=str)
def test_a_redis_that_refuses_a_command_is_not_away(error: RedisError) -> None:
    assert raised(error) is StorageRefused


def test_a_refusal_is_logged_by_its_kind_and_never_by_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    raised(ResponseError("unknown command 'NOPE', with args beginning with: 'sk-secret'"))
    logged = capsys.readouterr()
    assert "ResponseError" in logged.out + logged.err
    assert "sk-secret" not in logged.out + logged.err
