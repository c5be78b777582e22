-- Corrects what was counted for a request, once it is over, and ends its lease.
-- KEYS: windows, budgets, concurrency limits; if there are windows or budgets, a key that exists
-- for a while once this ran.
-- ARGV: time, lease id, when the amounts were counted, number of windows, number of budgets; width,
-- change and counted amount of each window; period, change and counted amount of each budget. No
-- more than the counted amount is given back.
local windows, budgets = tonumber(ARGV[4]), tonumber(ARGV[5])
if windows + budgets > 0 then
  if not redis.call('SET', KEYS[#KEYS], '', 'NX', 'EX', REPEATED_S) then return end
  KEYS[#KEYS] = nil
end
for i = 1, windows do
  local at = 3 + 3 * i
  local width = tonumber(ARGV[at])
  local change = math.max(tonumber(ARGV[at + 1]), -tonumber(ARGV[at + 2]))
  local head = advance(KEYS[i], width)
  local slot = math.floor(ARGV[3] / width)
  if math.abs(slot - head) > SLOTS then slot, change = head, math.max(0, change) end
  local counted = redis.call('HGET', KEYS[i], slot) or 0
  change = math.max(change, -counted)
  if change ~= 0 then add(KEYS[i], width, head, slot, change) end
end
for i = windows + 1, windows + budgets do
  local at = 3 + 3 * i
  local change = math.max(tonumber(ARGV[at + 1]), -tonumber(ARGV[at + 2]))
  local period, ends = period_at(ARGV[at], tonumber(ARGV[3]))
  if change ~= 0 and period == period_at(ARGV[at], now) then
    spend(KEYS[i], period, ends, math.max(0, spent_in(KEYS[i], period) + change))
  end
end
for i = windows + budgets + 1, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2])
end
