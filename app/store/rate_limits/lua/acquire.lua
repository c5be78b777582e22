-- Counts a request, or reports which limit refuses it and counts nothing.
-- KEYS: windows, budgets, concurrency limits; if there are budgets, a key that exists for a while
-- once this has let the lease in: a reply may be lost and the program run again.
-- ARGV: time, lease id, lease in ms, number of windows, number of budgets; width, limit and amount
-- of each window; period, limit and amount of each budget; limit of each concurrency limit.
-- Returns the index of the limit that refuses for longest (-1: none), for how many ms (-1: for
-- ever), and the time; for each window what remains and the ms until it is full again; for each
-- budget what is spent, the ms until its period ends (-1: never) and 1 if the caller is to be
-- warned.
local windows, budgets = tonumber(ARGV[4]), tonumber(ARGV[5])
local refused, wait = -1, 0
local seen, purses = {}, {}
local once = budgets > 0 and table.remove(KEYS)
local is_in = once and redis.call('GET', once)

local function refuse(by, ms)
  if is_in then return end
  if wait ~= NEVER and (ms == NEVER or ms > wait) then refused, wait = by, ms end
end

local function wait_for_room(key, slot, width, excess)
  for old = slot - SLOTS, slot do
    excess = excess - (redis.call('HGET', key, old) or 0)
    if excess <= 0 then return leaves_in(old, width) end
  end
  return SLOTS * width
end

for i = 1, windows do
  local at = 3 + 3 * i
  local one = {width = tonumber(ARGV[at]), limit = tonumber(ARGV[at + 1]), amount = ARGV[at + 2]}
  one.slot, one.total = advance(KEYS[i], one.width)
  local excess = one.total + one.amount - one.limit
  if excess > 0 then refuse(i - 1, wait_for_room(KEYS[i], one.slot, one.width, excess)) end
  seen[i] = one
end
for i = windows + 1, windows + budgets do
  local at = 3 + 3 * i
  local one = {limit = tonumber(ARGV[at + 1]), amount = tonumber(ARGV[at + 2])}
  one.period, one.ends = period_at(ARGV[at], now)
  one.spent = spent_in(KEYS[i], one.period)
  one.left = one.ends == NEVER and NEVER or one.ends - now
  if one.amount > 0 and one.spent + one.amount > one.limit then refuse(i - 1, one.left) end
  purses[i] = one
end
for i = windows + budgets + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  local limit = tonumber(ARGV[5 + 2 * (windows + budgets) + i])
  if redis.call('ZCARD', KEYS[i]) >= limit then refuse(i - 1, CONCURRENCY_RETRY_MS) end
end

local counts = refused < 0 and not is_in
if counts and once then redis.call('SET', once, now, 'EX', REPEATED_S) end
local decision = {refused, wait, now}
for i, one in ipairs(seen) do
  if counts then
    add(KEYS[i], one.width, one.slot, one.slot, one.amount)
    one.total = one.total + one.amount
  end
  local last = redis.call('HGET', KEYS[i], 'last')
  table.insert(decision, math.max(0, one.limit - one.total))
  table.insert(decision, last and math.max(0, leaves_in(last, one.width)) or 0)
end
for i = windows + 1, windows + budgets do
  local one, warned = purses[i], 0
  if counts then
    one.spent = one.spent + one.amount
    spend(KEYS[i], one.period, one.ends, one.spent)
    warned = warns(KEYS[i], one.period, one.spent, one.limit)
  end
  table.insert(decision, one.spent)
  table.insert(decision, one.left)
  table.insert(decision, warned)
end
if refused < 0 and is_in ~= WITHDRAWN then
  for i = windows + budgets + 1, #KEYS do
    redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[2])
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
return decision
