-- KEYS: index. ARGV: account, id.
-- Returns whether there is a stream, -1 where it cannot be seen.
local account, id = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' then return -1 end
return redis.call('EXISTS', job(id), events(id))
