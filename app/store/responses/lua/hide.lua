-- Deletes a response, as its account sees it.
-- KEYS: index. ARGV: account, response id, time in Unix seconds, the check value of the caller's key
-- or ''.
-- Returns whether there was something to hide: a caller that repeats the call at the same time has
-- not received the reply.
local account, id, now, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or not opens(id, check) or (found.deleted ~= '' and found.deleted ~= now) then return 0 end
redis.call('HSET', index, id, table.concat({found.status, found.log, found.depth, now}, ':'))
return 1
