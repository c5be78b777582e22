-- Returns what lists show of a response.
-- KEYS: index.
-- ARGV: account, id, the check value of the caller's key or '', the wanted statuses, each between
-- spaces, '' for all; size up to which an entry is returned whole; size up to which anything is.
-- Returns its status; its terms; 1 if it has a key; its size in bytes; 1 if it waits or runs; and
-- in that case its payload, else its entry: if too large without its items, or ''.
-- Returns nothing if the account may not see the response, or it has none of these statuses.
local account, id, check, wanted, whole, most = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or not opens(id, check) then return false end
if wanted ~= '' and not string.find(wanted, ' ' .. found.status .. ' ', 1, true) then
  return false
end
local about = redis.call('HGET', index, terms(id)) or ''
local keyed = redis.call('HEXISTS', index, 'check:' .. id)
if found.depth < 0 then
  local payload = redis.call('HGET', index .. ':job:' .. id, 'ticket') or ''
  local size = #payload
  return {found.status, about, keyed, size, 1, size <= tonumber(most) and payload or ''}
end
local _, fork_depth = fork_point(found.log)
local entry = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
if not entry or entry == '' then return false end
return {found.status, about, keyed, #entry, 0, shortened(entry, tonumber(whole), tonumber(most))}
