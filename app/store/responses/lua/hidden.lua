-- KEYS: index. ARGV: id of a response or of items alone, time in Unix seconds or ''.
-- Returns the account, the entry ('' once it is purged), the end user and when it was hidden, '' for
-- not: of one that was before that time, or of any; its status where it was not, or has not ended;
-- nothing where there is none.
local id, before = unpack(ARGV)
local found = record(id)
if not found then return false end
if found.depth < 0 or (before ~= '' and
    (found.deleted == '' or tonumber(found.deleted) >= tonumber(before))) then
  return found.status
end
local _, fork_depth = fork_point(found.log)
local entry = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
local about = redis.call('HGET', index, terms(id)) or ':'
return {redis.call('HGET', index, 'account'), entry, string.match(about, ':(.*)$'), found.deleted}
