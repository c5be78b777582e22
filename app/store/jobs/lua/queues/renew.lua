-- Renews leases, and says that their worker lives.
-- ARGV: lease in ms, for how many ms the worker could have taken no job (-1: never could), ids.
for number = 3, #ARGV do redis.call('ZADD', leases, 'XX', now + ARGV[1], ARGV[number]) end
redis.call('SET', jobs .. ':beat', now)
local idle, alive = tonumber(ARGV[2]), tonumber(redis.call('GET', jobs .. ':alive') or 0)
-- Of several workers the liveliest counts; a clock that was put back is no reason to trust it.
if idle >= 0 and (now - idle > alive or alive > now) then
  redis.call('SET', jobs .. ':alive', now - idle)
end
