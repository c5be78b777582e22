-- KEYS: index. ARGV: account, conversation id, the check value of the caller's key or ''.
-- Returns the creation time and the metadata, or nothing if there is no such conversation.
local account, id, check = unpack(ARGV)
if not owned(account) or not is_listed(id) or not opens(id, check) then return false end
local text, metadata = unpack(redis.call('HMGET', index, 'conversation', 'metadata'))
return {string.match(text, ':(%d+):'), metadata}
