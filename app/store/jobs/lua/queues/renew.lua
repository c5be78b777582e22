-- Renews leases, and records that their worker is alive. A job that was parked or left after its
-- worker listed what it runs keeps the lease that it was given then.
-- ARGV: lease in ms, ms since the worker could last take a job (-1: never could), ids.
for number = 3, #ARGV do
  if redis.call('SISMEMBER', parked, ARGV[number]) == 0 then
    redis.call('ZADD', leases, 'XX', 'GT', now + ARGV[1], ARGV[number])
  end
end
redis.call('SET', jobs .. ':beat', now)
local idle, alive = tonumber(ARGV[2]), tonumber(redis.call('GET', jobs .. ':alive') or 0)
-- The most recent time of all workers counts; a time in the future (the clock was put back) is
-- replaced.
if idle >= 0 and (now - idle > alive or alive > now) then
  redis.call('SET', jobs .. ':alive', now - idle)
end
