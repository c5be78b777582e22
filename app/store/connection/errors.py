"""The one place where redis-py's exceptions become ours.

There are two kinds: Redis is unreachable, or cannot take anything now (StorageUnavailable: later
it may), and Redis is well and refuses this very command (StorageRefused: a counter that is no
number, a key of another type, a bug in a program). The second is never tried again, opens no
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
from app.store.connection.reasons import NO_DATABASE, NO_ROOM, is_write_refusal
from app.telemetry import shortage_noted, unexpected

#: Replies by which a server says that it cannot serve now, whatever it is asked.
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
#: The same, where redis-py knows no class for it, or where a program passes it on.
_AWAY_WORDS = re.compile(
    r"\b(OOM|MISCONF|READONLY|NOREPLICAS|NOGOODSLAVE|LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN"
    "|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM|DENIED|UNKILLABLE|UNBLOCKED|FAILOVER"
    rf"|{NO_DATABASE}|{NO_ROOM}|Script killed by user)\b"
)


def is_refusal(error: BaseException) -> bool:
    """Tell whether Redis is well and refuses this very command."""
    if isinstance(error, DataError):
        return True  # redis-py itself would not send it
    if not isinstance(error, ResponseError) or isinstance(error, _AWAY):
        return False
    return _AWAY_WORDS.search(str(error)) is None


def to_gateway_error(error: BaseException) -> GatewayError:
    """Return our error for redis-py's; a refusal is logged, by its kind and place, and counted."""
    if is_refusal(error):
        unexpected(error, "store", "store")
        return StorageRefused("Redis refused the command.")
    if is_shortage(error):
        shortage_noted()
        return StorageUnavailable(
            "The gateway is busy: try again in a moment.", code=OVERLOADED, retry_after_s=1
        )
    if is_write_refusal(error):
        return StorageUnavailable(
            "Redis refuses writes at the moment; try again soon.", retry_after_s=1
        )
    return StorageUnavailable("Redis is unreachable; try again soon.", retry_after_s=1)


class Translated:
    """A block that raises one of ours in place of whatever redis-py raises inside.

    A class, since a generator's block takes three times as many calls, and every read and write
    is in one.
    """

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate what was raised."""
        # redis-py lets the system's own errors through in places, as where no socket can be made.
        if isinstance(error, RedisError | RedisClusterException | OSError):
            raise to_gateway_error(error) from error


_BLOCK = Translated()


def translated() -> Translated:
    """Return the block."""
    return _BLOCK
