-- Takes the next job by round robin over the accounts.
-- ARGV: lease in ms, the taker's token ('' for none).
-- Returns the job's id; the same id again if this token took one before, whose reply was lost.
local taken = ARGV[2] ~= '' and jobs .. ':taken:' .. ARGV[2]
local again = taken and redis.call('GET', taken)
if again then return again end
for _ = 1, redis.call('LLEN', ring) do
  local account = redis.call('LPOP', ring)
  local id = redis.call('LPOP', queue(account))
  if redis.call('LLEN', queue(account)) > 0 then redis.call('RPUSH', ring, account) end
  if id then
    redis.call('ZREM', since, id)
    redis.call('ZADD', leases, now + ARGV[1], id)
    if taken then redis.call('SET', taken, id, 'PX', ARGV[1]) end
    return id
  end
end
