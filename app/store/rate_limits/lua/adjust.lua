-- Puts right what was counted for a request, once it is over, and ends its lease.
-- ARGV: time, lease id, when the amounts were counted, number of windows; width, change and counted
-- amount of each: no more than that was counted is given back.
local windows = tonumber(ARGV[4])
for i = 1, windows do
  local at = 2 + 3 * i
  local width = tonumber(ARGV[at])
  local change = math.max(tonumber(ARGV[at + 1]), -tonumber(ARGV[at + 2]))
  local head = advance(KEYS[i], width)
  local slot = math.floor(ARGV[3] / width)
  if slot < head - SLOTS then slot, change = head, math.max(0, change) end
  local counted = redis.call('HGET', KEYS[i], slot) or 0
  change = math.max(change, -counted)
  if change ~= 0 then add(KEYS[i], width, head, slot, change) end
end
for i = windows + 1, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2])
end
