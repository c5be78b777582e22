-- Nothing waits or is leased under an id any more.
-- ARGV: id.
local id = ARGV[1]
local account = redis.call('HGET', accounts, id)
redis.call('HDEL', accounts, id)
redis.call('ZREM', leases, id)
redis.call('ZREM', unrouted, id)
redis.call('ZREM', streams, id)
redis.call('SREM', parked, id)
if redis.call('ZREM', since, id) == 1 and account then
  redis.call('LREM', queue(account), 0, id)
  if redis.call('EXISTS', queue(account)) == 0 then redis.call('LREM', ring, 0, account) end
end
