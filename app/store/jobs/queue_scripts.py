"""What Redis does by itself for the queues of background responses.

Keys, neighbours of one another:

    <prefix>{jobs}:leases           sorted set: ids by the end of their lease, in ms
    <prefix>{jobs}:accounts         hash: id -> account, of jobs that were accepted
    <prefix>{jobs}:queue:<account>  list: ids that wait
    <prefix>{jobs}:ring             list: accounts whose queue is not empty, in turn
    <prefix>{jobs}:since            sorted set: ids that wait by when they began to, in ms
    <prefix>{jobs}:parked           set: ids that wait for their upstream, until their lease is over
    <prefix>{jobs}:alive            when a worker last took a job or could have, in ms

A job is either among those that wait or has a lease, from its first moment to its end. One that is
parked has one too: a worker of an earlier release queues it again as if it had been lost.
"""

from __future__ import annotations

from app.store.connection.script import Script

_QUEUES = """
local jobs = KEYS[1]
local ring, since, leases, accounts =
  jobs .. ':ring', jobs .. ':since', jobs .. ':leases', jobs .. ':accounts'
local parked = jobs .. ':parked'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function queue(account) return jobs .. ':queue:' .. account end
local function push(account, id)
  redis.call('HSET', accounts, id, account)
  if redis.call('ZSCORE', since, id) then return end
  if redis.call('RPUSH', queue(account), id) == 1 then redis.call('RPUSH', ring, account) end
  redis.call('ZADD', since, now, id)
  redis.call('ZREM', leases, id)
end
"""

# ARGV: account, id, how many may wait, lease in ms. Returns whether there is room.
RESERVE = Script(
    _QUEUES,
    """
local account, id, most, lease = unpack(ARGV)
if redis.call('LLEN', queue(account)) >= tonumber(most) then return 0 end
redis.call('ZADD', leases, now + lease, id)
return 1
""",
)

# ARGV: account, id. Accepts a job: one that waits already is not queued twice.
PUSH = Script(
    _QUEUES,
    "push(unpack(ARGV))",
)

# ARGV: id, after how many ms. The job is queued again then.
PARK = Script(
    _QUEUES,
    """
redis.call('SADD', parked, ARGV[1])
redis.call('ZADD', leases, now + ARGV[2], ARGV[1])
""",
)

# ARGV: how many at most. Queues what was parked long enough, and returns how many that are.
DUE = Script(
    _QUEUES,
    """
if redis.call('EXISTS', parked) == 0 then return 0 end
local due = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local account = redis.call('SREM', parked, id) == 1 and redis.call('HGET', accounts, id)
  if account then
    push(account, id)
    due = due + 1
  end
end
return due
""",
)

# ARGV: id. Returns whether the job was ever accepted.
ACCEPTED = Script(_QUEUES, "return redis.call('HEXISTS', accounts, ARGV[1])")

# ARGV: lease in ms. Returns the next id.
TAKE = Script(
    _QUEUES,
    """
for _ = 1, redis.call('LLEN', ring) do
  local account = redis.call('LPOP', ring)
  local id = redis.call('LPOP', queue(account))
  if redis.call('LLEN', queue(account)) > 0 then redis.call('RPUSH', ring, account) end
  if id then
    redis.call('ZREM', since, id)
    redis.call('ZADD', leases, now + ARGV[1], id)
    return id
  end
end
""",
)

# ARGV: lease in ms, for how many ms the worker could have taken no job (-1: never could), ids.
RENEW = Script(
    _QUEUES,
    """
for number = 3, #ARGV do redis.call('ZADD', leases, 'XX', now + ARGV[1], ARGV[number]) end
local idle, alive = tonumber(ARGV[2]), tonumber(redis.call('GET', jobs .. ':alive') or 0)
-- Of several workers the liveliest counts; a clock that was put back is no reason to trust it.
if idle >= 0 and (now - idle > alive or alive > now) then
  redis.call('SET', jobs .. ':alive', now - idle)
end
""",
)

# ARGV: id. Nothing waits or is leased under it any more.
FORGET = Script(
    _QUEUES,
    """
local id = ARGV[1]
local account = redis.call('HGET', accounts, id)
redis.call('HDEL', accounts, id)
redis.call('ZREM', leases, id)
redis.call('ZREM', jobs .. ':unrouted', id)
redis.call('SREM', parked, id)
if redis.call('ZREM', since, id) == 1 and account then
  redis.call('LREM', queue(account), 0, id)
  if redis.call('EXISTS', queue(account)) == 0 then redis.call('LREM', ring, 0, account) end
end
""",
)

# ARGV: lease in ms, how many at most. Returns ids whose lease is over, leased anew. What is parked
# is left to DUE.
LOST = Script(
    _QUEUES,
    """
local lost = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  if redis.call('SISMEMBER', parked, id) == 0 then
    redis.call('ZADD', leases, now + ARGV[1], id)
    lost[#lost + 1] = id
  end
end
return lost
""",
)

# Returns the ms since a worker lived, how many jobs wait, how many are leased, the oldest's ms.
STANDING = Script(
    _QUEUES,
    """
local alive = redis.call('GET', jobs .. ':alive')
local oldest = redis.call('ZRANGE', since, 0, 0, 'WITHSCORES')
return {
  alive and now - alive or -1,
  redis.call('ZCARD', since),
  redis.call('ZCARD', leases),
  oldest[2] and now - oldest[2] or 0,
}
""",
)
