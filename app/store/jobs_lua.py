"""What Redis does by itself for background responses.

Keys of a job, neighbours of its conversation's index (lua.py):

    <prefix>{tag}:job:<id>      hash: account, status, ticket, owner, next, spoke, lost
    <prefix>{tag}:events:<id>   stream: an entry a flush, n (its first number) and d (JSON lines)

Keys of all jobs, neighbours of one another:

    <prefix>{jobs}:leases           sorted set: ids by the end of their lease, in ms
    <prefix>{jobs}:accounts         hash: id -> account, of jobs that wait or run
    <prefix>{jobs}:queue:<account>  list: ids that wait
    <prefix>{jobs}:ring             list: accounts whose queue is not empty, in turn
    <prefix>{jobs}:since            sorted set: ids that wait by when they began to, in ms
    <prefix>{jobs}:alive            when a worker last said that it lives, in ms
"""

from __future__ import annotations

from app.store.lua import COMMIT_BODY, LIBRARY
from app.store.script import Script

_QUEUES = """
local jobs = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function queue(account) return jobs .. ':queue:' .. account end
local function push(account, id)
  if redis.call('RPUSH', queue(account), id) == 1 then
    redis.call('RPUSH', jobs .. ':ring', account)
  end
  redis.call('ZADD', jobs .. ':since', now, id)
  redis.call('ZREM', jobs .. ':leases', id)
end
"""

# ARGV: account, id, how many may wait, lease in ms. Returns whether there is room.
RESERVE = Script(
    _QUEUES,
    """
local account, id, most, lease = unpack(ARGV)
if redis.call('LLEN', queue(account)) >= tonumber(most) then return 0 end
redis.call('HSET', jobs .. ':accounts', id, account)
redis.call('ZADD', jobs .. ':leases', now + lease, id)
return 1
""",
)

# ARGV: account, id. A job that waits already is not queued twice.
PUSH = Script(
    _QUEUES,
    """
local account, id = unpack(ARGV)
redis.call('HSET', jobs .. ':accounts', id, account)
if not redis.call('ZSCORE', jobs .. ':since', id) then push(account, id) end
""",
)

# ARGV: lease in ms. Returns the next id.
TAKE = Script(
    _QUEUES,
    """
local account = redis.call('LPOP', jobs .. ':ring')
if not account then return false end
local id = redis.call('LPOP', queue(account))
if redis.call('LLEN', queue(account)) > 0 then
  redis.call('RPUSH', jobs .. ':ring', account)
end
if id then
  redis.call('ZREM', jobs .. ':since', id)
  redis.call('ZADD', jobs .. ':leases', now + ARGV[1], id)
end
return id
""",
)

# ARGV: lease in ms, ids.
RENEW = Script(
    _QUEUES,
    """
for number = 2, #ARGV do
  redis.call('ZADD', jobs .. ':leases', 'XX', now + ARGV[1], ARGV[number])
end
redis.call('SET', jobs .. ':alive', now)
""",
)

# ARGV: id, account. Nothing waits or is leased under this id any more.
FORGET = Script(
    _QUEUES,
    """
local id, account = unpack(ARGV)
redis.call('ZREM', jobs .. ':leases', id)
redis.call('HDEL', jobs .. ':accounts', id)
if redis.call('ZREM', jobs .. ':since', id) == 1 then
  redis.call('LREM', queue(account), 0, id)
  if redis.call('LLEN', queue(account)) == 0 then
    redis.call('LREM', jobs .. ':ring', 0, account)
  end
end
""",
)

# ARGV: lease in ms, how many at most. Returns ids whose lease is over, leased anew.
LOST = Script(
    _QUEUES,
    """
local ids = redis.call('ZRANGEBYSCORE', jobs .. ':leases', '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do redis.call('ZADD', jobs .. ':leases', now + ARGV[1], id) end
return ids
""",
)

# Returns the ms since a worker lived, how many jobs wait, how many are leased, the oldest's ms.
STANDING = Script(
    _QUEUES,
    """
local alive = redis.call('GET', jobs .. ':alive')
local oldest = redis.call('ZRANGE', jobs .. ':since', 0, 0, 'WITHSCORES')
return {
  alive and now - alive or -1,
  redis.call('ZCARD', jobs .. ':since'),
  redis.call('ZCARD', jobs .. ':leases'),
  oldest[2] and now - oldest[2] or 0,
}
""",
)

_JOB = (
    LIBRARY
    + """
local function set_record(id, value) redis.call('HSET', index, id, value) end
local function job(id) return index .. ':job:' .. id end
local function events(id) return index .. ':events:' .. id end
local function tell(id, first, data, count)
  redis.call('XADD', events(id), '*', 'n', first, 'd', data)
  redis.call('HSET', job(id), 'next', first + count)
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
set_record(id, 'queued:0:-1:')
redis.call('HSET', job(id), 'account', account, 'status', 'queued', 'ticket', ticket,
  'next', 0, 'lost', 0)
return 1
""",
)

# ARGV: id, owner. Returns account, ticket and the next number, or nothing unless it waits.
CLAIM = Script(
    _JOB,
    """
local id, owner = unpack(ARGV)
if redis.call('HGET', job(id), 'status') ~= 'queued' then return false end
redis.call('HSET', job(id), 'status', 'in_progress', 'owner', owner)
set_record(id, 'in_progress:0:-1:')
return redis.call('HMGET', job(id), 'account', 'ticket', 'next')
""",
)

# ARGV: id, owner, first number, JSON lines, how many, whether the model spoke, channel, word.
TELL = Script(
    _JOB,
    """
local id, owner, first, data, count, spoke, channel, word = unpack(ARGV)
if redis.call('HGET', job(id), 'owner') ~= owner then return 0 end
tell(id, first, data, count)
if spoke == '1' then redis.call('HSET', job(id), 'spoke', 1) end
redis.call('PUBLISH', channel, word)
return 1
""",
)

# ARGV: those of COMMIT, then owner, first number, JSON lines, how many, channel, word. Returns 0
# where the job is another's or has ended, 1 else.
END = Script(
    _JOB,
    "local function commit(ARGV)\n",
    COMMIT_BODY,
    """
end
local id, owner, first, data, count, channel, word = ARGV[2], unpack(ARGV, 8)
if redis.call('HGET', job(id), 'owner') ~= owner then return 0 end
tell(id, first, data, count)
redis.call('DEL', job(id))
commit(ARGV)
redis.call('PUBLISH', channel, word)
return 1
""",
)

# ARGV: account, id, owner. Makes a job its new owner's, whoever ran it. Returns what CLAIM returns,
# or nothing where it has ended.
SEIZE = Script(
    _JOB,
    """
local account, id, owner = unpack(ARGV)
if not owned(account) or redis.call('EXISTS', job(id)) == 0 then return false end
redis.call('HSET', job(id), 'owner', owner, 'status', 'in_progress')
set_record(id, 'in_progress:0:-1:')
return redis.call('HMGET', job(id), 'account', 'ticket', 'next')
""",
)

# ARGV: id, owner ('' for whoever), whether a lease was lost, how many losses end it. Returns
# 'queued' where it may run again, 'ended' where it must not, 'gone' where it is no job any more.
RETURN = Script(
    _JOB,
    """
local id, owner, lost, most = unpack(ARGV)
local status = redis.call('HGET', job(id), 'status')
if not status then return 'gone' end
if owner ~= '' and redis.call('HGET', job(id), 'owner') ~= owner then return 'gone' end
if status == 'queued' then return 'queued' end
if lost == '1' then lost = redis.call('HINCRBY', job(id), 'lost', 1) else lost = 0 end
redis.call('HSET', job(id), 'owner', '')
if redis.call('HGET', job(id), 'spoke') or lost >= tonumber(most) then return 'ended' end
redis.call('HSET', job(id), 'status', 'queued')
set_record(id, 'queued:0:-1:')
return 'queued'
""",
)

# ARGV: account, id. Returns status, ticket, next number of a job that can be seen.
PENDING = Script(
    _JOB,
    """
local account, id = unpack(ARGV)
local held = owned(account) and record(id)
if not held or held.deleted ~= '' then return false end
return redis.call('HMGET', job(id), 'status', 'ticket')
""",
)

# ARGV: account, id. Returns whether there is a stream that can be seen.
STREAMED = Script(
    _JOB,
    """
local account, id = unpack(ARGV)
local held = owned(account) and record(id)
if not held or held.deleted ~= '' then return -1 end
return redis.call('EXISTS', job(id), events(id))
""",
)
