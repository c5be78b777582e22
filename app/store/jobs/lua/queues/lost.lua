-- ARGV: lease in ms, maximum number.
-- Returns ids of jobs and streams whose lease has expired, and renews it. Parked jobs are left to
-- due.lua.
local lost = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  if redis.call('SISMEMBER', parked, id) == 0 then
    redis.call('ZADD', leases, now + ARGV[1], id)
    lost[#lost + 1] = id
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', streams, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  redis.call('ZADD', streams, now + ARGV[1], id)
  lost[#lost + 1] = id
end
return lost
