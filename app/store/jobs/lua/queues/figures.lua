-- Returns the ms since a worker lived (-1: none ever did), how many jobs wait, how many are leased,
-- and for how many ms the oldest has waited.
local alive = redis.call('GET', jobs .. ':alive')
local oldest = redis.call('ZRANGE', since, 0, 0, 'WITHSCORES')
return {
  alive and now - alive or -1,
  redis.call('ZCARD', since),
  redis.call('ZCARD', leases),
  oldest[2] and now - oldest[2] or 0,
}
