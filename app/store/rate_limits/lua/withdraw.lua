-- Takes back a request whose reply was lost: acquire.lua may have let it in, or may be about to, since
-- the command can still be on its way. From now on acquire.lua counts nothing for it.
-- KEYS: budgets, concurrency limits, the key that exists once acquire.lua has let the lease in.
-- ARGV: time, lease id, number of budgets; period and reserved amount of each budget.
local budgets = tonumber(ARGV[3])
local acquired = table.remove(KEYS)
local let_in = redis.call('GET', acquired)
redis.call('SET', acquired, WITHDRAWN, 'EX', REPEATED_S)
local is_counted = let_in and let_in ~= WITHDRAWN
for i = 1, budgets do
  local at = 2 + 2 * i
  local period, ends = period_at(ARGV[at], now)
  if is_counted and period == period_at(ARGV[at], tonumber(let_in) or now) then
    spend(KEYS[i], period, ends, math.max(0, spent_in(KEYS[i], period) - ARGV[at + 1]))
  end
end
for i = budgets + 1, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2])
end
