-- KEYS: index. ARGV: account, response id.
-- Returns where the stream of a response was cut, '' where it was not streamed, or nothing where
-- there is no such response, or it has not ended.
local account, id = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or found.depth < 0 then return false end
return redis.call('HGET', index .. ':cuts', id) or ''
