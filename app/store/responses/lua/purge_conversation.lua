-- Empties a conversation's own content: metadata and items; its responses are purged one by one.
-- KEYS: index, stored bytes.
-- ARGV: conversation id, the deletion time for one that is neither deleted nor expired.
-- Returns the number of bytes freed, 1 if nothing of it is left, and 1 if it never had a response.
local id, now = unpack(ARGV)
local text = redis.call('HGET', index, 'conversation')
local known, created, deleted = string.match(text or '', '^([^:]+):(%d+):(%d*)$')
if known ~= id then return {0, 0, 0} end
if deleted == '' then deleted = expired('conversation') end
local bytes, alone, names = redis.call('HSTRLEN', index, 'metadata'), 1, {}
for _, name in ipairs(redis.call('HKEYS', index)) do
  local kind = string.match(name, '^(%a+)_')
  if kind == 'resp' then alone = 0 end
  if kind == 'items' then names[#names + 1] = name end
end
if deleted == '' then deleted = now end
for _, name in ipairs(names) do
  local at = record(name).depth
  bytes = bytes + #redis.call('LINDEX', index .. ':0', at)
  redis.call('LSET', index .. ':0', at, '')
  redis.call('ZREM', index .. ':expiring', '0:' .. at)
  redis.call('HDEL', index, name, terms(name), 'check:' .. name)
end
redis.call('HDEL', index, 'metadata')
redis.call('HSET', index, 'conversation', table.concat({id, created, deleted}, ':'))
redis.call('ZREM', index .. ':expiring', 'conversation')
add_stored(-bytes)
return {bytes, is_empty() and 1 or 0, alone}
