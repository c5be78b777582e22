-- KEYS: index. ARGV: response id, time in Unix seconds.
-- Returns the account and the entry ('' once it is purged) of a response that was hidden before
-- that time, or nothing where there is no such response.
local id, before = unpack(ARGV)
local found = record(id)
if not found or found.deleted == '' or tonumber(found.deleted) >= tonumber(before) then
  return false
end
local _, fork_depth = fork_point(found.log)
local entry = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
return {redis.call('HGET', index, 'account'), entry}
