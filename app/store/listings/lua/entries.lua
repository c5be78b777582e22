-- Reads entries of a conversation, and payloads of its jobs.
-- KEYS: index.
-- ARGV: maximum bytes to read in all; size up to which an entry is returned whole; size up to which
-- anything is returned; then pairs: a log and an index in it, or '' and the id of a job.
-- Returns each; '' for one that is too large, or that comes after the maximum was read.
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
