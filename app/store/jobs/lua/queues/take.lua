-- Takes the next job by round robin over the accounts.
-- ARGV: lease in ms.
-- Returns its id.
for _ = 1, redis.call('LLEN', ring) do
  local account = redis.call('LPOP', ring)
  local id = redis.call('LPOP', queue(account))
  if redis.call('LLEN', queue(account)) > 0 then redis.call('RPUSH', ring, account) end
  if id then
    redis.call('ZREM', since, id)
    redis.call('ZADD', leases, now + ARGV[1], id)
    return id
  end
end
