"""The programs that Redis runs on webhooks: lua/*.lua, the keys in lua/webhooks.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script, constants

_lua = LuaFolder(__file__)

#: So many events may wait for an endpoint; from then on the one that is due first is forgotten.
MOST_WAITING = 10_000
#: What every program of webhooks has in front, and so has the end of a job.
WEBHOOKS = "\n".join((constants(MOST_WAITING=MOST_WAITING), _lua("webhooks")))
_CLOCK = _lua("clock")

PUT = Script(_CLOCK, WEBHOOKS, _lua("put"))
REMOVE = Script(_CLOCK, WEBHOOKS, _lua("remove"))
ERASE = Script(_CLOCK, WEBHOOKS, _lua("erase"))
TAKE = Script(_CLOCK, WEBHOOKS, _lua("take"))
SETTLE = Script(_CLOCK, WEBHOOKS, _lua("settle"))
LOG = Script(_CLOCK, WEBHOOKS, _lua("log"))
WAITING = Script(_CLOCK, WEBHOOKS, _lua("waiting"))
