-- Removes an item from a conversation: from the mark on that this appends, it is no longer in it.
-- KEYS: index. ARGV: account, conversation id, the item's name, mark, the check value of the
-- caller's key or ''.
-- Returns the conversation's creation time and metadata, -1 if it has no key but the caller sent
-- one, or nothing if there is none.
local account, id, item_id, mark, check = unpack(ARGV)
if not owned(account) or not is_listed(id) or not opens(id, check) then return false end
if is_plain(id, check) then return -1 end
if redis.call('HEXISTS', index .. ':removed', item_id) == 0 then
  local depth = redis.call('RPUSH', index .. ':0', mark) - 1
  redis.call('HSET', index .. ':removed', item_id, depth)
end
local text, metadata = unpack(redis.call('HMGET', index, 'conversation', 'metadata'))
return {string.match(text, ':(%d+):'), metadata}
