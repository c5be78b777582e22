-- Adds an entry to an endpoint's delivery log, once: a reply may be lost, and the program run again.
-- ARGV: account, endpoint, entry, maximum number of entries.
local account, endpoint, entry, most = unpack(ARGV)
if redis.call('HEXISTS', endpoints(account), endpoint) == 0 then return end
if redis.call('LPOS', attempts(endpoint), entry) then return end
redis.call('LPUSH', attempts(endpoint), entry)
redis.call('LTRIM', attempts(endpoint), 0, most - 1)
