-- Marks a response as deleted for its account.
-- KEYS: index. ARGV: account, response id, time in Unix seconds, the check value of the caller's
-- key or ''.
-- Returns whether it was visible. A call that is repeated with the same time, because its reply was
-- lost, returns 1 again.
local account, id, now, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or not opens(id, check) or (found.deleted ~= '' and found.deleted ~= now) then return 0 end
redis.call('HSET', index, id, table.concat({found.status, found.log, found.depth, now}, ':'))
return 1
