-- ARGV: account, id, maximum number that may wait, lease in ms.
-- Leases a job that is to be queued. Returns whether the account's queue has space for it.
local account, id, most, lease = unpack(ARGV)
if redis.call('LLEN', queue(account)) >= tonumber(most) then return 0 end
redis.call('ZADD', leases, now + lease, id)
return 1
