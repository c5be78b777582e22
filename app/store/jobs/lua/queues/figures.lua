-- Returns the ms since a worker could take a job (-1: none ever could), the number of waiting jobs,
-- the number of leased jobs, the age of the oldest waiting job in ms, and the ms since a worker's
-- last heartbeat (-1: none).
local alive = redis.call('GET', jobs .. ':alive')
local beat = redis.call('GET', jobs .. ':beat')
local oldest = redis.call('ZRANGE', since, 0, 0, 'WITHSCORES')
return {
  alive and now - alive or -1,
  redis.call('ZCARD', since),
  redis.call('ZCARD', leases),
  oldest[2] and now - oldest[2] or 0,
  beat and now - beat or -1,
}
