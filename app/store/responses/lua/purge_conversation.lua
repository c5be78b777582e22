-- Empties what came to a deleted conversation by itself; its responses are purged by themselves.
-- KEYS: index, stored bytes. ARGV: conversation id, time in Unix seconds.
-- Returns the account, how many bytes less are stored and whether nothing else is left, or nothing
-- where no such conversation was deleted before that time.
local id, before = unpack(ARGV)
local text = redis.call('HGET', index, 'conversation')
local known, _, deleted = string.match(text or '', '^([^:]+):(%d+):(%d*)$')
if known ~= id or deleted == '' or tonumber(deleted) >= tonumber(before) then return false end
local bytes, alone = redis.call('HSTRLEN', index, 'metadata'), 1
for _, name in ipairs(redis.call('HKEYS', index)) do
  local kind = string.match(name, '^(%a+)_')
  if kind == 'resp' then alone = 0 end
  if kind == 'items' then
    local at = record(name).depth
    bytes = bytes + #redis.call('LINDEX', index .. ':0', at)
    redis.call('LSET', index .. ':0', at, '')
    redis.call('HDEL', index, name)
  end
end
redis.call('HDEL', index, 'metadata')
add_stored(-bytes)
return {redis.call('HGET', index, 'account'), bytes, alone}
