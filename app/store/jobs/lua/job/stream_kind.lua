-- KEYS: index. ARGV: account, id, the check value of the caller's key or ''.
-- Returns 1 where the response is made or was made in the background, 2 while it is streamed to its
-- caller, 0 where it is neither, -1 where it cannot be seen.
local account, id, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or not opens(id, check) then return -1 end
if redis.call('HEXISTS', job(id), 'kind') == 1 then return 2 end
return math.min(1, redis.call('EXISTS', job(id), events(id)))
