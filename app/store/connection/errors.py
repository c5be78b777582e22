"""Translates redis-py's exceptions into ours; nothing else does.

There are two kinds. StorageUnavailable: Redis is unreachable, or cannot execute anything now; a
retry may succeed. StorageRefused: Redis is well and refuses this very command (a counter that is
not a number, a key of another type, a bug in a program). The latter is never retried, opens no
breaker and spools nothing: it is logged and counted
(`gateway_unexpected_errors_total{place="store"}`).
"""

from __future__ import annotations

import re

from redis.exceptions import (
    AskError,
    AuthorizationError,
    ClusterDownError,
    DataError,
    ExecAbortError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from app.descriptors import is_shortage
from app.errors import OVERLOADED, GatewayError, StorageRefused, StorageUnavailable
from app.store.connection.reasons import (
    NO_DATABASE,
    NO_PERMISSION,
    NO_ROOM,
    forbidden,
    is_write_refusal,
)
from app.telemetry import forbidden_noted, shortage_noted, unexpected

#: Error replies by which a server says that it cannot serve any command now.
_AWAY = (
    AskError,  # MovedError is one
    AuthorizationError,
    ClusterDownError,
    ExecAbortError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
#: The same as text, for errors without a class in redis-py and errors inside a Lua program's.
_AWAY_WORDS = re.compile(
    r"\b(OOM|MISCONF|READONLY|NOREPLICAS|NOGOODSLAVE|LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN"
    "|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM|DENIED|UNKILLABLE|UNBLOCKED|FAILOVER"
    rf"|{NO_DATABASE}|{NO_ROOM}|{NO_PERMISSION}|Script killed by user)\b"
)


def is_refusal(error: BaseException) -> bool:
    """Tell whether Redis works but refuses this very command."""
    if isinstance(error, DataError):
        return True  # redis-py itself refused to send it
    if not isinstance(error, ResponseError) or isinstance(error, _AWAY):
        return False
    return _AWAY_WORDS.search(str(error)) is None


def to_gateway_error(error: BaseException) -> GatewayError:
    """Return our error for redis-py's; a refused command is also logged and counted."""
    if is_refusal(error):
        unexpected(error, "store", "store")
        return StorageRefused("Redis refused the command.")
    if is_shortage(error):
        shortage_noted()
        return StorageUnavailable(
            "The gateway is busy: try again in a moment.", code=OVERLOADED, retry_after_s=1
        )
    if (lack := forbidden(error)) is not None:
        forbidden_noted(lack)
    if is_write_refusal(error):
        return StorageUnavailable(
            "Redis refuses writes at the moment; try again soon.", retry_after_s=1
        )
    return StorageUnavailable("Redis is unreachable; try again soon.", retry_after_s=1)


class Translated:
    """A context manager that raises our exceptions in place of redis-py's.

    A class, because `contextlib.contextmanager` takes three times as many calls, and every read and
    write uses it.
    """

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate the exception, if there is one."""
        # redis-py lets OSError through in places, such as when no socket can be created.
        if isinstance(error, RedisError | RedisClusterException | OSError):
            raise to_gateway_error(error) from error


_BLOCK = Translated()


def translated() -> Translated:
    """Return the context manager."""
    return _BLOCK
