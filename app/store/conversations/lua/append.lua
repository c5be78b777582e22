-- Adds an entry of items alone.
-- KEYS: index, stored bytes.
-- ARGV: account, conversation id, the entry's id, entry, its terms, when it expires or '', the check
-- values of the key for the entry and for the conversation, '' for none.
-- Returns how many bytes were stored, 0 where that was done before, -1 where the conversation has no
-- key, or nothing where there is no such conversation.
local account, id, entry_id, entry, about, expires, entry_check, check = unpack(ARGV)
if not owned(account) or not is_listed(id) or not opens(id, check) then return false end
if is_plain(id, check) then return -1 end
if record(entry_id) then return 0 end
local depth = redis.call('RPUSH', index .. ':0', entry) - 1
redis.call('HSET', index, entry_id, 'items:0:' .. depth .. ':', terms(entry_id), about)
if check ~= '' then redis.call('HSET', index, 'check:' .. entry_id, entry_check) end
expire('0:' .. depth, expires, true)
add_stored(#entry)
return #entry
