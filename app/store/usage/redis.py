"""The store of usage in Redis.

    {account:NAME}:usage:2030-01-31  hash: <counter>:<key id>:<model> -> its sum;
                                     `lines`, the number of keys and models in it, as

        requests:key_1:gpt-5-mini  7    input_tokens:key_1:gpt-5-mini  912    lines  1

    {account:NAME}:usage:cost:2030-01-31  hash: the same of the counters that came later (_LATER),
                                     which an earlier release cannot read:

        priced_requests:key_1:gpt-5-mini  7    known_microusd:key_1:gpt-5-mini  41250

    {account:NAME}:usage:users:2030-01-31  hash, of the requests that have an attribution: the JSON
                                     of key id, model, user, metadata -> the sums of all counters
                                     in their order; `users` and `lines`, how many there are; and
                                     of each user `user:<JSON>`, empty

        ["key_1","gpt-5-mini","bob",[["team","a"]]]  7 912 0 80 0 0 0 7 41250
        user:"bob"  (empty)    users  1    lines  1

    {account:NAME}:usage:once:<write id>  string: empty, for REPEATED_S seconds after that line was
                                     added: a reply may be lost, and the line written again

They share a slot with their account's limits (rate_limits/redis.py). No sum expires.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from secrets import token_hex
from typing import Any

import orjson

from app.domain.accounts.attribution import NOBODY, OTHER
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import COUNTERS, UsageLine, parts
from app.errors import StorageRefused
from app.store.connection.client import Client
from app.store.connection.errors import to_gateway_error, translated
from app.store.connection.script import Call, LuaFolder, Script, constants, run_all, run_each
from app.store.rate_limits.base import REPEATED_S, Adjustment
from app.store.usage.attributed import ATTRIBUTED, attributed_arguments, attributed_lines
from app.store.usage.base import (
    MAX_ATTRIBUTED_LINES_A_DAY,
    MAX_LINES_A_DAY,
    MAX_USERS_A_DAY,
    OTHER_MODELS,
    Unwritten,
)
from app.telemetry import REQUEST_LOG_LOST, unexpected

#: Days whose tables are read in one round trip, where lines have no attribution.
_DAYS_AT_ONCE = 31
#: Counters that earlier releases do not know: those fail to read a table that has one.
_LATER = ("cache_write_tokens", "priced_requests", "known_microusd")

_lua = LuaFolder(__file__)
_ADD = Script(
    constants(
        MAX_LINES=MAX_LINES_A_DAY,
        OTHER_MODELS=OTHER_MODELS,
        MAX_USERS=MAX_USERS_A_DAY,
        MAX_ATTRIBUTED=MAX_ATTRIBUTED_LINES_A_DAY,
        OTHER_JSON=orjson.dumps(OTHER).decode(),
    ),
    _lua("attribution"),
    _lua("add"),
)


class RedisUsageStore:
    """A UsageStore on any Redis >= 6.2, Cluster included.

    `prefix` begins every key; `adjusting` makes the call that corrects rate limits, `appending` the
    one that logs requests.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        adjusting: Callable[[Adjustment], Call],
        appending: Callable[[Sequence[RequestEntry]], Call],
    ) -> None:
        self._redis: Any = client
        self._prefix = prefix
        self._adjusting = adjusting
        self._appending = appending

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        calls = [self._adding(line) for line in lines]
        calls += map(self._adjusting, adjustments)
        if entries:
            calls.append(self._appending(entries))
        with translated():
            results = run_each(self._redis, calls)
        items: tuple[Unwritten, ...] = (*lines, *adjustments)
        again = [each for each, result in zip(items, results, strict=False) if not _is_over(result)]
        is_logged = not entries or _is_logged(results[-1], len(entries))
        return again if is_logged else [*again, *entries]

    def read(
        self, account: str, days: Sequence[date], *, attributed: bool = False
    ) -> Iterator[UsageLine]:
        at_once = 1 if attributed else _DAYS_AT_ONCE
        for first in range(0, len(days), at_once):
            some = days[first : first + at_once]
            tables = map(_table, self._replies("HGETALL", account, some, attributed=attributed))
            for day in some:
                whole = _lines(account, day, {**next(tables), **next(tables)})
                if attributed:
                    yield from parts(whole, attributed_lines(account, day, next(tables)))
                else:
                    yield from whole

    def size(self, account: str, days: Sequence[date], *, attributed: bool = False) -> int:
        return sum(self._replies("HLEN", account, days, attributed=attributed))

    def _replies(
        self, command: str, account: str, days: Sequence[date], *, attributed: bool
    ) -> list[Any]:
        """Return the replies to a command for each table of these days, in one round trip."""
        names = ("", "cost:", "users:") if attributed else ("", "cost:")
        calls = [(command, self._key(account, day, name)) for day in days for name in names]
        with translated():
            return run_all(self._redis, calls)

    def _adding(self, line: UsageLine) -> Call:
        keys = [
            self._key(line.account, line.day),
            self._key(line.account, line.day, "cost:"),
            f"{self._prefix}{{account:{line.account}}}:usage:once:{line.write_id or token_hex(8)}",
        ]
        arguments: list[str | int | bytes] = [REPEATED_S, line.key_id, line.model]
        if line.attribution == NOBODY:
            arguments += [""] * ATTRIBUTED
        else:
            keys.append(self._key(line.account, line.day, "users:"))
            arguments += attributed_arguments(line)
        for name in COUNTERS:
            if amount := getattr(line, name):
                arguments += (2 if name in _LATER else 1, name, amount)
        return _ADD(keys, arguments)

    def _key(self, account: str, day: date, table: str = "") -> str:
        return f"{self._prefix}{{account:{account}}}:usage:{table}{day.isoformat()}"


def _is_over(result: object) -> bool:
    """Tell whether a line or an adjustment is written, or one that Redis will never accept."""
    if isinstance(result, Exception):
        return isinstance(to_gateway_error(result), StorageRefused)
    if result:
        unexpected(StorageRefused("a sum of use is too large, or no number"), "usage", "usage")
    return True


def _is_logged(result: object, count: int) -> bool:
    """Tell whether entries are done with: they were written, or Redis will never accept them."""
    if not isinstance(result, Exception):
        return True
    if not isinstance(to_gateway_error(result), StorageRefused):
        return False
    REQUEST_LOG_LOST.inc(count)
    return True


def _table(reply: Any) -> dict[bytes, bytes]:
    """Return a hash as a dict; on a Cluster redis-py has made one of it."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def _lines(account: str, day: date, table: dict[bytes, bytes]) -> list[UsageLine]:
    sums: defaultdict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    table.pop(b"lines", None)
    for field, amount in table.items():
        counter, key_id, model = field.decode().split(":", 2)
        sums[key_id, model][counter] = int(amount)
    return [
        UsageLine(account=account, key_id=key_id, model=model, day=day, **counters)
        for (key_id, model), counters in sorted(sums.items())
    ]
