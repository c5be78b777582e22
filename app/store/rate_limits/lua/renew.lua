-- Renews leases. One that has expired stays so: it has lost its place.
-- ARGV: time, lease in ms, lease ids.
for i = 3, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end
