-- The queues of background responses. Every program of them has this in front.
--
-- Keys, neighbours of one another; <prefix>{jobs} is the key that programs are given:
--
--   <prefix>{jobs}:leases           sorted set: ids by the end of their lease, in ms
--   <prefix>{jobs}:accounts         hash: id -> account, of jobs that were accepted
--   <prefix>{jobs}:queue:<account>  list: ids that wait
--   <prefix>{jobs}:ring             list: accounts whose queue is not empty, in turn
--   <prefix>{jobs}:since            sorted set: ids that wait by when they began to, in ms
--   <prefix>{jobs}:parked           set: ids that wait for their upstream, until their lease is over
--   <prefix>{jobs}:unrouted         sorted set: ids that are left to workers that know their model,
--                                   by when they were left first, in ms
--   <prefix>{jobs}:streams          sorted set: ids of streams that web processes run, by the end of
--                                   their lease, in ms
--   <prefix>{jobs}:taken:<token>    string: the id that was taken with a token, for a lease
--   <prefix>{jobs}:alive            when a worker last took a job or could have, in ms
--   <prefix>{jobs}:beat             when a worker last renewed its leases, whatever it could take, in ms
--
-- A job is either among those that wait or has a lease, from its first moment to its end. One that
-- is parked or left has a lease too, longer than it is to wait: a worker of an earlier release, which
-- knows nothing of these, queues it again as if it had been lost.
local jobs = KEYS[1]
local ring, since, leases, accounts =
  jobs .. ':ring', jobs .. ':since', jobs .. ':leases', jobs .. ':accounts'
local parked, unrouted, streams = jobs .. ':parked', jobs .. ':unrouted', jobs .. ':streams'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function queue(account) return jobs .. ':queue:' .. account end

-- Accepts a job; one that waits already is not queued twice.
local function push(account, id)
  redis.call('HSET', accounts, id, account)
  if redis.call('ZSCORE', since, id) then return end
  if redis.call('RPUSH', queue(account), id) == 1 then redis.call('RPUSH', ring, account) end
  redis.call('ZADD', since, now, id)
  redis.call('ZREM', leases, id)
end
