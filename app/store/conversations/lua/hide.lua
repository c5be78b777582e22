-- Marks a conversation as deleted for its account.
-- KEYS: index. ARGV: account, conversation id, time in Unix seconds, the check value of the
-- caller's key or ''.
-- Returns whether it was visible. A call that is repeated with the same time, because its reply was
-- lost, returns 1 again.
local account, id, now, check = unpack(ARGV)
local text = owned(account) and redis.call('HGET', index, 'conversation')
if not text or not opens(id, check) then return 0 end
local known, created, deleted = string.match(text, '^([^:]+):(%d+):(%d*)$')
if known ~= id or (deleted ~= '' and deleted ~= now) then return 0 end
redis.call('HSET', index, 'conversation', table.concat({id, created, now}, ':'))
return 1
