-- Writes an entry into an endpoint's delivery log.
-- ARGV: account, endpoint, entry, how many entries there may be.
local account, endpoint, entry, most = unpack(ARGV)
if redis.call('HEXISTS', endpoints(account), endpoint) == 0 then return end
redis.call('LPUSH', attempts(endpoint), entry)
redis.call('LTRIM', attempts(endpoint), 0, most - 1)
