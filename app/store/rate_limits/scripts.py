"""The programs that Redis runs to count: lua/*.lua, the keys in lua/counting.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script, constants
from app.store.rate_limits.base import CONCURRENCY_RETRY_S, SLOTS

_lua = LuaFolder(__file__)
_COUNTING = "\n".join(
    (
        constants(SLOTS=SLOTS, CONCURRENCY_RETRY_MS=int(CONCURRENCY_RETRY_S * 1000)),
        _lua("counting"),
    )
)

ACQUIRE = Script(_COUNTING, _lua("acquire"))
ADJUST = Script(_COUNTING, _lua("adjust"))
RENEW = Script(_COUNTING, _lua("renew"))
