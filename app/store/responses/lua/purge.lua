-- Empties the entry of a response, or of items without one, and leaves its place. A response's
-- terms stay until no mention of it is left (purging.py): they name its end user.
-- KEYS: index, stored bytes.
-- ARGV: id; the deletion time for one that is not deleted, '' to leave such a one alone; 1 to learn
-- whether it was the last.
-- Returns the number of bytes freed, and 1 if nothing of the conversation is left.
local id, at, asks = unpack(ARGV)
local found = record(id)
if not found or found.depth < 0 or (found.deleted == '' and at == '') then return {0, 0} end
local _, fork_depth = fork_point(found.log)
local place = found.depth - fork_depth - 1
local entry = redis.call('LINDEX', index .. ':' .. found.log, place)
local bytes, named = #entry, digest(entry)
bytes = bytes + redis.call('HSTRLEN', index .. ':cuts', id)
redis.call('HDEL', index .. ':cuts', id)
redis.call('HDEL', index, 'check:' .. id)
local events, from = index .. ':events:' .. id, '-'
repeat
  local flushes = redis.call('XRANGE', events, from, '+', 'COUNT', 100)
  for _, flush in ipairs(flushes) do
    bytes, from = bytes + #(flush[2][4] or ''), '(' .. flush[1]
  end
until #flushes == 0
if named and redis.call('HINCRBY', index .. ':common', '#' .. named, -1) == 0 then
  bytes = bytes + redis.call('HSTRLEN', index .. ':common', named)
  redis.call('HDEL', index .. ':common', named, '#' .. named)
end
redis.call('LSET', index .. ':' .. found.log, place, '')
redis.call('UNLINK', events)
redis.call('ZREM', index .. ':expiring', found.log .. ':' .. found.depth)
if found.status == 'items' then
  redis.call('HDEL', index, id, terms(id))
else
  local deleted = found.deleted ~= '' and found.deleted or at
  redis.call('HSET', index, id, table.concat({found.status, found.log, found.depth, deleted}, ':'))
end
add_stored(-bytes)
return {bytes, asks == '1' and is_empty() and 1 or 0}
