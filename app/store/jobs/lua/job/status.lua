-- KEYS: index. ARGV: account, id, the check value of the caller's key or ''.
-- Returns the status of a job that the caller may see.
local account, id, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or not opens(id, check) then return false end
if redis.call('EXISTS', job(id)) == 0 then return false end
return found.status
