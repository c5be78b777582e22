-- Takes an item out: from the mark on that this appends, it is no longer of the conversation.
-- KEYS: index. ARGV: account, conversation id, item id, mark.
-- Returns when the conversation was made and its metadata, or nothing where there is none.
local account, id, item_id, mark = unpack(ARGV)
if not owned(account) or not is_listed(id) then return false end
if redis.call('HEXISTS', index .. ':removed', item_id) == 0 then
  local depth = redis.call('RPUSH', index .. ':0', mark) - 1
  redis.call('HSET', index .. ':removed', item_id, depth)
end
local text, metadata = unpack(redis.call('HMGET', index, 'conversation', 'metadata'))
return {string.match(text, ':(%d+):'), metadata}
