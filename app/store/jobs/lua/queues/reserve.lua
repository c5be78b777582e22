-- ARGV: account, id, how many may wait, lease in ms.
-- Returns whether there is room.
local account, id, most, lease = unpack(ARGV)
if redis.call('LLEN', queue(account)) >= tonumber(most) then return 0 end
redis.call('ZADD', leases, now + lease, id)
return 1
