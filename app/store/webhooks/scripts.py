"""The programs that Redis runs on webhooks: lua/*.lua, the keys in lua/webhooks.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script, constants

_lua = LuaFolder(__file__)

#: Maximum number of events waiting for an endpoint; beyond it the one due first is dropped.
MOST_WAITING = 10_000
#: Functions that every program on webhooks begins with, and so does the end of a job.
WEBHOOKS = "\n".join((constants(MOST_WAITING=MOST_WAITING), _lua("webhooks")))
_CLOCK = _lua("clock")

PUT = Script(_CLOCK, WEBHOOKS, _lua("put"))
REMOVE = Script(_CLOCK, WEBHOOKS, _lua("remove"))
ERASE = Script(_CLOCK, WEBHOOKS, _lua("erase"))
TAKE = Script(_CLOCK, WEBHOOKS, _lua("take"))
SETTLE = Script(_CLOCK, WEBHOOKS, _lua("settle"))
LOG = Script(_CLOCK, WEBHOOKS, _lua("log"))
WAITING = Script(_CLOCK, WEBHOOKS, _lua("waiting"))
