-- Adds an entry of items alone.
-- KEYS: index, stored bytes.
-- ARGV: account, conversation id, the entry's id, entry, its terms, when it expires or ''.
-- Returns how many bytes were stored, 0 where that was done before, or nothing where there is no
-- such conversation.
local account, id, entry_id, entry, about, expires = unpack(ARGV)
if not owned(account) or not is_listed(id) then return false end
if record(entry_id) then return 0 end
local depth = redis.call('RPUSH', index .. ':0', entry) - 1
redis.call('HSET', index, entry_id, 'items:0:' .. depth .. ':', terms(entry_id), about)
expire('0:' .. depth, expires, true)
add_stored(#entry)
return #entry
