-- Replaces a conversation's metadata.
-- KEYS: index, stored bytes. ARGV: account, conversation id, metadata as JSON.
-- Returns when it was made, its metadata, and how many bytes more are stored, or nothing where there
-- is no such conversation.
local account, id, metadata = unpack(ARGV)
if not owned(account) or not is_listed(id) then return false end
local more = #metadata - redis.call('HSTRLEN', index, 'metadata')
redis.call('HSET', index, 'metadata', metadata)
add_stored(more)
return {string.match(redis.call('HGET', index, 'conversation'), ':(%d+):'), metadata, more}
