-- Lists an account's waiting and running jobs, and the streams that run in any account.
-- ARGV: account, maximum number of each, maximum number of leases to look at.
-- Returns waiting ids in order; leased ids; for each of these 1 if it is parked, else 0; ids of
-- streams.
local account, most, looked_at = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local waiting = redis.call('LRANGE', queue(account), 0, most - 1)
local running, resting = {}, {}
local leased = redis.call('ZRANGE', leases, 0, looked_at - 1)
for first = 1, #leased, 1000 do
  local part = {unpack(leased, first, math.min(first + 999, #leased))}
  for at, owner in ipairs(redis.call('HMGET', accounts, unpack(part))) do
    if owner == account and #running < most then
      running[#running + 1] = part[at]
      resting[#running] = redis.call('SISMEMBER', parked, part[at])
    end
  end
end
return {waiting, running, resting, redis.call('ZRANGE', streams, 0, looked_at - 1)}
