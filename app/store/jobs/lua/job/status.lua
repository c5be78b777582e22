-- KEYS: index. ARGV: account, id.
-- Returns the status of a job that can be seen.
local account, id = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or redis.call('EXISTS', job(id)) == 0 then return false end
return found.status
