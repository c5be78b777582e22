-- KEYS: index. ARGV: account, id, the check value of the caller's key or ''.
-- Returns 1 for a background response, running or ended; 2 for one that is being streamed to its
-- caller; 0 for any other; -1 if the caller may not see it.
local account, id, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or not opens(id, check) then return -1 end
if redis.call('HEXISTS', job(id), 'kind') == 1 then return 2 end
return math.min(1, redis.call('EXISTS', job(id), events(id)))
