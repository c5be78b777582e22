-- Entries of a conversation, and payloads of what waits or runs in it.
-- KEYS: index.
-- ARGV: how many bytes are read at most; of how many bytes an entry is returned whole; of how many
-- anything is; then for each log and index in it, or '' and the id of what waits or runs.
-- Returns each: '' where it is too large, or too much was read before it.
local left, whole, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for at = 4, #ARGV, 2 do
  local log, place, value = ARGV[at], ARGV[at + 1], ''
  if left > 0 and log == '' then
    value = redis.call('HGET', index .. ':job:' .. place, 'ticket') or ''
    left = left - #value
    if #value > most then value = '' end
  elseif left > 0 then
    value = redis.call('LINDEX', index .. ':' .. log, place) or ''
    left = left - #value
    if value ~= '' then value = shortened(value, whole, most) end
  end
  found[#found + 1] = value
end
return found
