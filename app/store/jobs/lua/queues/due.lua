-- Queues jobs that were parked long enough.
-- ARGV: maximum number.
-- Returns the number of jobs queued.
if redis.call('EXISTS', parked) == 0 then return 0 end
local due = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local account = redis.call('SREM', parked, id) == 1 and redis.call('HGET', accounts, id)
  if account then
    push(account, id)
    due = due + 1
  end
end
return due
