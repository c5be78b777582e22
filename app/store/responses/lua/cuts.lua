-- KEYS: index. ARGV: account, response id, the check value of the caller's key or ''.
-- Returns where a response's stream was cut, '' if it was not streamed, and whether the response
-- has a key; nothing if there is no such response, or it has not ended.
local account, id, check = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or found.depth < 0 or not opens(id, check) then
  return false
end
return {redis.call('HGET', index .. ':cuts', id) or '', redis.call('HEXISTS', index, 'check:' .. id)}
