-- KEYS: index. ARGV: id of a response or of items without one, time in Unix seconds or ''.
-- Returns the account, the entry ('' if purged), its terms ('' for none) and when it was hidden (''
-- if not), for one hidden before that time, or with '' for any; its status if it was not, or has
-- not ended; nothing if there is none.
local id, before = unpack(ARGV)
local found = record(id)
if not found then return false end
if found.depth < 0 or (before ~= '' and
    (found.deleted == '' or tonumber(found.deleted) >= tonumber(before))) then
  return found.status
end
local _, fork_depth = fork_point(found.log)
local entry = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
local about = redis.call('HGET', index, terms(id)) or ''
return {redis.call('HGET', index, 'account'), entry, about, found.deleted}
