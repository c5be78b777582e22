-- The queues of background responses. Every program on them begins with this.
--
-- Keys, all in one slot; <prefix>{jobs} is the key that programs are given:
--
--   <prefix>{jobs}:leases           sorted set: ids by when their lease ends, in ms
--   <prefix>{jobs}:accounts         hash: id -> account, of jobs that were accepted
--   <prefix>{jobs}:queue:<account>  list: waiting ids
--   <prefix>{jobs}:ring             list: accounts with a non-empty queue, for the round robin
--   <prefix>{jobs}:since            sorted set: waiting ids by when they were queued, in ms
--   <prefix>{jobs}:parked           set: ids that wait for their upstream until their lease ends
--   <prefix>{jobs}:unrouted         sorted set: ids that are left to workers that know their model,
--                                   by when they were first left, in ms
--   <prefix>{jobs}:streams          sorted set: ids of streams that web processes run, by when
--                                   their lease ends, in ms
--   <prefix>{jobs}:taken:<token>    string: the id taken with this token; expires with a lease
--   <prefix>{jobs}:alive            when a worker last took a job or could have, in ms
--   <prefix>{jobs}:beat             when a worker last sent a heartbeat, in ms, whether or not it
--                                   could take a job
--
-- A job either waits or has a lease, from its first moment to its end. A parked job, and one left
-- as unrouted, also has a lease, longer than its wait: a worker of an earlier release, which does
-- not know these sets, queues it again as if it had been lost.
local jobs = KEYS[1]
local ring, since, leases, accounts =
  jobs .. ':ring', jobs .. ':since', jobs .. ':leases', jobs .. ':accounts'
local parked, unrouted, streams = jobs .. ':parked', jobs .. ':unrouted', jobs .. ':streams'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function queue(account) return jobs .. ':queue:' .. account end

-- Accepts a job and queues it, unless it is queued already.
local function push(account, id)
  redis.call('HSET', accounts, id, account)
  if redis.call('ZSCORE', since, id) then return end
  if redis.call('RPUSH', queue(account), id) == 1 then redis.call('RPUSH', ring, account) end
  redis.call('ZADD', since, now, id)
  redis.call('ZREM', leases, id)
end
