"""The programs that Redis runs on background responses.

Those of one job are in lua/job, keys in lua/job/job.lua; those of the queues in lua/queues, keys in
lua/queues/queues.lua.
"""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script, constants
from app.store.responses.scripts import COMMIT_TURN, CONVERSATION
from app.store.webhooks.scripts import WEBHOOKS

#: The lease token of a job that is being finished. Earlier and later releases use the same.
FINISHER = "ender"
#: Seconds for which Redis remembers that a stream was ended by another process than its own: its
#: process learns that when it next writes events.
TAKEN_S = 3600

_job, _queues = LuaFolder(__file__, "job"), LuaFolder(__file__, "queues")
_JOB = "\n".join((constants(FINISHER=FINISHER, TAKEN_S=TAKEN_S), CONVERSATION, _job("job")))
_QUEUES = _queues("queues")

CREATE = Script(_JOB, _job("create"))
WITHDRAW = Script(_JOB, _job("withdraw"))
CLAIM = Script(_JOB, _job("claim"))
PAYLOAD = Script(_JOB, _job("payload"))
LEASE_TOKEN = Script(_JOB, _job("lease_token"))
APPEND = Script(_JOB, _job("append"))
FINISH = Script(_JOB, COMMIT_TURN, _job("finish"))
TAKE_OVER = Script(_JOB, _job("take_over"))
GIVE_BACK = Script(_JOB, _job("give_back"))
RELEASE = Script(_JOB, _job("release"))
NOTE_CALLED = Script(_JOB, _job("note_called"))
STATUS = Script(_JOB, _job("status"))
STREAM_KIND = Script(_JOB, _job("stream_kind"))
READ_EVENTS = Script(_JOB, _job("read_events"))
BEGIN_STREAM = Script(_JOB, _job("begin_stream"))
ASK_CANCEL = Script(_JOB, _job("ask_cancel"))

RESERVE = Script(_QUEUES, _queues("reserve"))
PUSH = Script(_QUEUES, _queues("push"))
PARK = Script(_QUEUES, _queues("park"))
DUE = Script(_QUEUES, _queues("due"))
ACCOUNT_JOBS = Script(_QUEUES, _queues("account_jobs"))
ACCEPTED = Script(_QUEUES, _queues("accepted"))
TAKE = Script(_QUEUES, _queues("take"))
RENEW = Script(_QUEUES, _queues("renew"))
FORGET = Script(_QUEUES, WEBHOOKS, _queues("forget"))
LOST = Script(_QUEUES, _queues("lost"))
FIGURES = Script(_QUEUES, _queues("figures"))
LEAVE_UNROUTED = Script(_QUEUES, _queues("leave_unrouted"))
UNROUTED = Script(_QUEUES, _queues("unrouted"))
RETAKE_UNROUTED = Script(_QUEUES, _queues("retake_unrouted"))
LEASE_STREAMS = Script(_QUEUES, _queues("lease_streams"))
FORGET_STREAMS = Script(_QUEUES, _queues("forget_streams"))
