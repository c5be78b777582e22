"""Reasons why the store was unavailable, in our own words.

A server's text is never repeated: an error of Redis can quote what it was sent.
"""

from __future__ import annotations

import re

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterError,
    InvalidResponse,
    NoPermissionError,
    RedisClusterException,
    ResponseError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

from app.errors import StorageUnavailable, causes
from app.store.connection.script import commands_at

#: By the code of the error reply, which a Lua program may pass on within its own error.
_REASONS = {
    "OOM": "OOM command not allowed: the memory of Redis is full",
    "MISCONF": "MISCONF: Redis cannot write to its disk",
    "READONLY": "READONLY: this Redis is a replica",
    "NOREPLICAS": "NOREPLICAS: Redis has too few replicas",
    "NOPERM": "NOPERM: the user of Redis may not do this",
    "NOAUTH": "NOAUTH: Redis wants a password",
    "WRONGPASS": "WRONGPASS: Redis refuses the password",
    "LOADING": "LOADING: Redis has just been started",
    "CLUSTERDOWN": "CLUSTERDOWN: the Cluster is incomplete",
    "MASTERDOWN": "MASTERDOWN: the replica has lost its master",
    "BUSY": "BUSY: Redis runs a program that does not end (SCRIPT KILL ends one)",
    "UNKILLABLE": "UNKILLABLE: Redis runs a program that does not end and has written",
    "TRYAGAIN": "TRYAGAIN: the Cluster moves a slot at the moment",
    "MAXCLIENTS": "Redis has as many clients as its maxclients allows",
    "NODB": "Redis has no database of the number that REDIS_URL names",
    "SENTINELAUTH": "the Sentinels refuse the login that REDIS_URL has for them",
}
#: Error texts of Redis and of a Cluster for a missing database; they have no code for it.
NO_DATABASE = "DB index is out of range|SELECT is not allowed in cluster mode"
_NO_DATABASE = re.compile(NO_DATABASE)
#: Error text of Redis and of a Cluster for a client above maxclients; it has no code either.
NO_ROOM = "max number of clients"
#: Error texts of Redis, up to 7.0 and from 7.2 on, for a program that does what its user may not:
#: only commands that a user sends directly are refused with NOPERM.
NO_PERMISSION = "user executing the script can't|ACL failure in script"
_NO_PERMISSION = re.compile(NO_PERMISSION)
#: What such a text, or a NOPERM, tells of the command: its name, or else (up to 7.0) the SHA-1 of
#: the program and the line.
_FORBIDDEN = re.compile(r"\bthe '([a-z|]+)' command")
_FORBIDDEN_IN = re.compile(r"\b(?:f_|script: )([0-9a-f]{40})\b.*?@user_script: ?(\d+)")
_FORBIDDEN_NAME = re.compile(r"\baccess .*?\b(key|channel)|publish to the (channel)")
_UNKNOWN_COMMAND = re.compile("^(?:ERR )?unknown command", re.IGNORECASE)
#: Codes of a server that refuses writes but answers reads.
_REFUSES_WRITES = frozenset({"OOM", "MISCONF", "READONLY", "NOREPLICAS"})
_CODE = re.compile(rf"\b({'|'.join(_REASONS)})\b")
#: redis-py's text for a node that refuses to list its slots, whatever the reason.
_NO_CLUSTER = "Cluster mode is not enabled"
#: Texts of ours for an unknown master.
NO_SENTINEL, NO_MASTER = "no Sentinel answers", "the Sentinels name no master"
_CLOSED = re.compile(
    "closed by server|reset by peer|broken pipe|EOF occurred in violation", re.IGNORECASE
)
#: OpenSSL's errors: the text is its own, even for what the peer refuses (an alert is a number).
_TLS = re.compile(r"\[(?:SSL|X509)[^\]]*\] (.+?)\.? \(_ssl\.c")


def reason(fault: StorageUnavailable) -> str:
    """Return why the store was unavailable."""
    error = fault.__cause__
    code = _code(error)
    if code is not None:
        return forbidden(error) or _REASONS[code]
    match error:
        case None:
            return fault.message
        case TimedOut():
            return "timed out"
        case ConnectionLost() | RedisClusterException() if found := _lost(str(error)):
            return found
        case RedisClusterException() if _NO_CLUSTER in str(error):
            return "this Redis is no Cluster, or its user may not call CLUSTER SLOTS"
        case ClusterError():  # redis-py has followed redirects for long enough
            return "the Cluster moves a slot at the moment"
        case InvalidResponse():
            return "what answers there is not Redis"
        case _:
            return type(error).__name__


def forbidden(error: BaseException | None) -> str | None:
    """Return the reason with what the user may not do; None if that is not what is wrong.

    Keys and channels are not named: they have ids of accounts and responses.
    """
    if _code(error) != "NOPERM":
        return None
    message = str(error)
    parts = []
    if found := _FORBIDDEN.search(message):
        parts.append(found[1].upper())
    elif found := _FORBIDDEN_IN.search(message):
        parts.append(" or ".join(commands_at(found[1], int(found[2]))))
    if found := _FORBIDDEN_NAME.search(message):
        parts.append(f"a {found[1] or found[2]} outside its patterns")
    what = ", ".join(filter(None, parts))
    return f"{_REASONS['NOPERM']}: {what}" if what else _REASONS["NOPERM"]


def is_unknown_command(error: object) -> bool:
    """Tell whether the server does not have a command: it is too old, or has renamed it."""
    return isinstance(error, ResponseError) and _UNKNOWN_COMMAND.match(str(error)) is not None


def is_withheld(error: ResponseError) -> bool:
    """Tell whether a command that the gateway can do without is not for its user."""
    return isinstance(error, NoPermissionError) or is_unknown_command(error)


def _lost(message: str) -> str | None:
    """Return why the connection failed; None if that is unknown."""
    if found := _TLS.search(message):
        return f"TLS failed: {found[1]}"
    if message.startswith((NO_SENTINEL, NO_MASTER)):
        return message.partition(":")[0]
    if "refused" in message:
        return "connection refused"
    return "connection closed" if _CLOSED.search(message) else None


def hung_up(fault: StorageUnavailable) -> bool:
    """Tell whether the server, or a Sentinel, closed the connection without an error reply."""
    return _CLOSED.search(str(fault.__cause__)) is not None


def explained(fault: StorageUnavailable) -> str:
    """Return the reason with the address that could not be reached, for operators.

    That text is redis-py's own, never a server's.
    """
    message = str(fault.__cause__ or "")
    if _code(fault.__cause__) is None and "connecting to" in message:
        return message.removesuffix(".")
    return reason(fault)


def code_of(fault: StorageUnavailable) -> str | None:
    """Return the code of Redis's error reply, such as "OOM"; None if it sent none."""
    return _code(fault.__cause__)


def refuses_writes(fault: StorageUnavailable) -> bool:
    """Tell whether the store answers reads but refuses writes."""
    return is_write_refusal(fault.__cause__)


def is_write_refusal(error: BaseException | None) -> bool:
    """Tell whether redis-py's error means that Redis refuses writes."""
    return _code(error) in _REFUSES_WRITES


def _code_of_login(error: BaseException) -> str | None:
    """Return the code of a refused login that lies behind an error; None if there is none."""
    if str(error).startswith(NO_SENTINEL):
        refusals = (AuthenticationError, NoPermissionError)
        is_refused = any(isinstance(each, refusals) for each in causes(error))
        return "SENTINELAUTH" if is_refused else None
    cause = error.__cause__
    return _code(cause) if isinstance(cause, AuthenticationError) else None


def _code(error: BaseException | None) -> str | None:
    match error:
        case None:
            return None
        case NoPermissionError():
            return "NOPERM"
        case AuthenticationError():  # redis-py has removed the code
            return "NOAUTH" if "required" in str(error).lower() else "WRONGPASS"
        case BusyLoadingError():
            return "LOADING"
        case ConnectionLost() | RedisClusterException() if code := _code_of_login(error):
            return code
    status = getattr(error, "status_code", None)  # redis-py removes known codes from the text
    if status in _REASONS:
        return str(status)
    if _NO_DATABASE.search(str(error)):
        return "NODB"
    if NO_ROOM in str(error):
        return "MAXCLIENTS"
    if _NO_PERMISSION.search(str(error)):
        return "NOPERM"
    found = _CODE.search(str(error))
    return found and found[0]
