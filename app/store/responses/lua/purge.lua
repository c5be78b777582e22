-- Empties the entry of a hidden response, and leaves it its place.
-- KEYS: index, stored bytes. ARGV: response id.
-- Returns how many bytes less are stored.
local found = record(ARGV[1])
if not found or found.deleted == '' then return 0 end
local _, fork_depth = fork_point(found.log)
local at = found.depth - fork_depth - 1
local entry = redis.call('LINDEX', index .. ':' .. found.log, at)
local bytes, named = #entry, digest(entry)
bytes = bytes + redis.call('HSTRLEN', index .. ':cuts', ARGV[1])
redis.call('HDEL', index .. ':cuts', ARGV[1])
local events, from = index .. ':events:' .. ARGV[1], '-'
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
redis.call('LSET', index .. ':' .. found.log, at, '')
redis.call('UNLINK', events)
add_stored(-bytes)
return bytes
