"""The programs that Redis runs for rate limits: lua/*.lua, the keys in lua/counting.lua."""

from __future__ import annotations

from app.domain.accounts.limits import WARN_PERCENT
from app.store.connection.script import LuaFolder, Script, constants
from app.store.rate_limits.base import CONCURRENCY_RETRY_S, REPEATED_S, SLOTS

_lua = LuaFolder(__file__)
_COUNTING = "\n".join(
    (
        constants(
            SLOTS=SLOTS,
            CONCURRENCY_RETRY_MS=int(CONCURRENCY_RETRY_S * 1000),
            REPEATED_S=REPEATED_S,
            WITHDRAWN="withdrawn",
        ),
        _lua("counting"),
    )
)
_BUDGETS = "\n".join((_COUNTING, constants(WARN_PERCENT=WARN_PERCENT), _lua("budgets")))

ACQUIRE = Script(_BUDGETS, _lua("acquire"))
ADJUST = Script(_BUDGETS, _lua("adjust"))
WITHDRAW = Script(_BUDGETS, _lua("withdraw"))
RENEW = Script(_COUNTING, _lua("renew"))
