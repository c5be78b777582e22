"""What Redis does by itself for one background response; for their queues, see jobs_queues_lua.py.

Keys of a job, neighbours of its conversation's index (lua.py), there until it has ended but for
its stream, which lives as long as the response:

    <prefix>{tag}:job:<id>      hash
        account, ticket         what enqueue was told
        status                  queued, in_progress, or ending: somebody has seized it to end it;
                                one that is queued again stays in progress for who looks at it
        owner                   who may write, ENDER once it is seized
        next, size              the number of the next event; how many bytes tell those before
        begun                   the first owner
        spoke                   set once its model has spoken
        usage                   what the upstream has counted so far
        retries                 what is known of attempts at its upstream before it was parked
        lost, why               how many leases were lost; why it is being ended
    <prefix>{tag}:events:<id>   stream: an entry a flush, its id the number of its first event + 1;
                                n: the number behind its last, d: the events, by: who ended it

An answer of Redis may be lost and its program run again: each finds out that it has been.
"""

from __future__ import annotations

from app.store.connection.script import Script
from app.store.responses.scripts import COMMIT_BODY, LIBRARY

#: The owner of a job that is being ended, whoever does it.
ENDER = "ender"

_JOB = (
    LIBRARY
    + f"""
local ENDER = '{ENDER}'
"""
    + """
local function set_record(id, status) redis.call('HSET', index, id, status .. ':0:-1:') end
local function job(id) return index .. ':job:' .. id end
local function events(id) return index .. ':events:' .. id end

local function tell(id, first, data, count, ...)
  if count == '0' then return end
  redis.call('XADD', events(id), (first + 1) .. '-0', 'n', first + count, 'd', data, ...)
  redis.call('HSET', job(id), 'next', first + count)
  redis.call('HINCRBY', job(id), 'size', #data)
end

local function claim(id)
  return redis.call('HMGET', job(id),
    'account', 'ticket', 'next', 'usage', 'begun', 'why', 'retries')
end

local function seize(id, why, channel)
  redis.call('HSETNX', job(id), 'why', why)
  redis.call('HSET', job(id), 'owner', ENDER, 'status', 'ending')
  set_record(id, 'in_progress')
  redis.call('PUBLISH', channel, 'seized ' .. id)
end
"""
)

# ARGV: account, id, ticket. Writes a response that waits.
QUEUE = Script(
    _JOB,
    """
local account, id, ticket = unpack(ARGV)
local holder = redis.call('HGET', index, 'account')
if holder and holder ~= account then return 0 end
redis.call('HSET', index, 'account', account)
set_record(id, 'queued')
redis.call('HSET', job(id), 'account', account, 'status', 'queued', 'ticket', ticket, 'next', 0)
return 1
""",
)

# ARGV: id, owner. Returns the claim, or nothing unless the job waits.
CLAIM = Script(
    _JOB,
    """
local id, owner = unpack(ARGV)
local status, held = unpack(redis.call('HMGET', job(id), 'status', 'owner'))
if not status or (status ~= 'queued' and held ~= owner) then return false end
redis.call('HSET', job(id), 'status', 'in_progress', 'owner', owner)
redis.call('HSETNX', job(id), 'begun', owner)
set_record(id, 'in_progress')
return claim(id)
""",
)

# ARGV: id. Returns who owns the job.
OWNER = Script(_JOB, "return redis.call('HGET', job(ARGV[1]), 'owner')")

# ARGV: account, id. Takes back what QUEUE has written, unless somebody has begun to run it.
WITHDRAW = Script(
    _JOB,
    """
local account, id = unpack(ARGV)
local status, begun = unpack(redis.call('HMGET', job(id), 'status', 'begun'))
if not owned(account) or status ~= 'queued' or begun then return 0 end
redis.call('UNLINK', job(id))
redis.call('HDEL', index, id)
if redis.call('HLEN', index) == 1 then redis.call('UNLINK', index) end
return 1
""",
)

# ARGV: id, owner, first number, events, how many, spoke, usage, channel. Returns whether the job
# is the owner's, or -1 less the number of the event that is wanted first, where events that
# were told before it were lost with a server.
TELL = Script(
    _JOB,
    """
local id, owner, first, data, count, spoke, usage, channel = unpack(ARGV)
local held, after = unpack(redis.call('HMGET', job(id), 'owner', 'next'))
if held ~= owner then return 0 end
if tonumber(after) > tonumber(first) then return 1 end
if tonumber(after) < tonumber(first) then return -1 - after end
tell(id, first, data, count)
if spoke == '1' then redis.call('HSET', job(id), 'spoke', 1) end
if usage ~= '' then redis.call('HSET', job(id), 'usage', usage) end
redis.call('PUBLISH', channel, 'told ' .. id)
return 1
""",
)

# KEYS: those of COMMIT. ARGV: id, owner, by whom, first number, events, how many, channel, then
# those of COMMIT. Returns how many bytes were stored, nothing where this did not end the job, or
# a negative number as TELL does.
END = Script(
    _JOB,
    "local function commit(ARGV)\n",
    COMMIT_BODY,
    """
end
local id, owner, by, first, data, count, channel = unpack(ARGV)
local held, after = unpack(redis.call('HMGET', job(id), 'owner', 'next'))
if not held then
  local last = redis.call('XREVRANGE', events(id), '+', '-', 'COUNT', 1)[1]
  return last and last[2][6] == by and 0
end
if held == owner and tonumber(after) < tonumber(first) then return -1 - after end
if held ~= owner or after ~= first then return false end
tell(id, first, data, count, 'by', by)
local size = tonumber(redis.call('HGET', job(id), 'size') or 0)
redis.call('UNLINK', job(id))
local committed = commit({unpack(ARGV, 8)})
if committed then stored(size) end
redis.call('PUBLISH', channel, 'ended ' .. id)
return committed and committed[2] + size or 0
""",
)

# ARGV: account, id, why, channel. Returns the claim to end the job with, or nothing where it has
# ended.
SEIZE = Script(
    _JOB,
    """
local account, id, why, channel = unpack(ARGV)
if not owned(account) or redis.call('EXISTS', job(id)) == 0 then return false end
seize(id, why, channel)
return claim(id)
""",
)

# ARGV: id, owner ('' for whoever), why ('refused' ends it), how many lost leases end a job,
# channel. Returns the account where the job is to be queued again, the claim where it is to be
# ended, nothing where it is none any more.
RETURN = Script(
    _JOB,
    """
local id, owner, why, most, channel = unpack(ARGV)
local status, held, account, spoke = unpack(
  redis.call('HMGET', job(id), 'status', 'owner', 'account', 'spoke'))
if not status or (owner ~= '' and held ~= owner) then return false end
if status == 'queued' and why ~= 'refused' then return {account} end
if status == 'ending' then return claim(id) end
local losses = why == 'lost' and redis.call('HINCRBY', job(id), 'lost', 1) or 0
if spoke or why == 'refused' or losses >= tonumber(most) then
  seize(id, why, channel)
  return claim(id)
end
redis.call('HSET', job(id), 'status', 'queued', 'owner', '')
redis.call('PUBLISH', channel, 'seized ' .. id)
return {account}
""",
)

# ARGV: id, owner, retries. Leaves a job that has not spoken to whoever takes it next; returns
# whether it was the owner's.
LEAVE = Script(
    _JOB,
    """
local id, owner, retries = unpack(ARGV)
local held, spoke = unpack(redis.call('HMGET', job(id), 'owner', 'spoke'))
if held ~= owner or spoke then return 0 end
redis.call('HSET', job(id), 'status', 'queued', 'owner', '', 'retries', retries)
return 1
""",
)

# ARGV: account, id. Returns the status of a job that can be seen.
STATUS = Script(
    _JOB,
    """
local account, id = unpack(ARGV)
local held = owned(account) and record(id)
if not held or held.deleted ~= '' or redis.call('EXISTS', job(id)) == 0 then return false end
return held.status
""",
)

# ARGV: account, id. Returns whether there is a stream, -1 where it cannot be seen.
STREAMED = Script(
    _JOB,
    """
local account, id = unpack(ARGV)
local held = owned(account) and record(id)
if not held or held.deleted ~= '' then return -1 end
return redis.call('EXISTS', job(id), events(id))
""",
)

# ARGV: id, number, how many entries at most. Returns whether the job has ended, and the entries
# from the one that holds the event of that number.
TOLD = Script(
    _JOB,
    """
local id, number, most = unpack(ARGV)
local first = '-'
local before = redis.call('XREVRANGE', events(id), (number + 1) .. '-0', '-', 'COUNT', 1)[1]
if before then
  first = (tonumber(before[2][2]) > tonumber(number) and '' or '(') .. before[1]
end
return {
  1 - redis.call('EXISTS', job(id)),
  redis.call('XRANGE', events(id), first, '+', 'COUNT', most),
}
""",
)
