-- Takes a job that was left to others (leave_unrouted.lua).
-- ARGV: id, lease in ms.
-- Returns whether it was still there: if so, it is the caller's.
if redis.call('ZREM', unrouted, ARGV[1]) == 0 then return 0 end
redis.call('ZADD', leases, 'XX', now + ARGV[2], ARGV[1])
return 1
