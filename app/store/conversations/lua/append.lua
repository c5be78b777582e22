-- Appends an entry of items without a response.
-- KEYS: index, stored bytes.
-- ARGV: account, conversation id, the entry's id, entry, its terms, its expiry or '', the key's
-- check values for the entry and for the conversation, '' for none.
-- Returns the number of bytes stored, 0 if it was appended before, -1 if the conversation has no
-- key but the caller sent one, or nothing if there is no such conversation.
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
