-- Makes leases last. One that has ended has left no place to come back to.
-- ARGV: time, lease's ms, lease ids.
for i = 3, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end
