-- Adds or changes an endpoint.
-- ARGV: account, id, the endpoint as it was read ('' for a new one), the endpoint as it shall be,
-- the maximum number of endpoints.
-- Returns 1, or 0 if it was changed meanwhile, or -1 if there are too many.
local account, id, before, after, most = unpack(ARGV)
local stands = redis.call('HGET', endpoints(account), id)
if stands == after then return 1 end
if (stands or '') ~= before then return 0 end
if not stands and redis.call('HLEN', endpoints(account)) >= tonumber(most) then return -1 end
redis.call('HSET', endpoints(account), id, after)
redis.call('HSET', owners, id, account)
return 1
