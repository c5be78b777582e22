-- Removes an endpoint, its waiting events and its delivery log.
-- ARGV: account, id.
-- Returns whether it existed.
local account, id = unpack(ARGV)
if redis.call('HDEL', endpoints(account), id) == 0 then return 0 end
redis.call('HDEL', owners, id)
redis.call('HDEL', failures, id)
redis.call('HDEL', resting, id)
redis.call('ZREM', ready, id)
redis.call('UNLINK', events(id), due(id), attempts(id))
return 1
