-- Replaces a conversation's metadata.
-- KEYS: index, stored bytes. ARGV: account, conversation id, metadata, the check value of the
-- caller's key or ''.
-- Returns the creation time, the metadata, and by how many bytes storage grew; -1 if it has no key
-- but the caller sent one; nothing if there is no such conversation.
local account, id, metadata, check = unpack(ARGV)
if not owned(account) or not is_listed(id) or not opens(id, check) then return false end
if is_plain(id, check) then return -1 end
local more = #metadata - redis.call('HSTRLEN', index, 'metadata')
redis.call('HSET', index, 'metadata', metadata)
add_stored(more)
return {string.match(redis.call('HGET', index, 'conversation'), ':(%d+):'), metadata, more}
