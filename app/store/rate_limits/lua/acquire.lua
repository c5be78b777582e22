-- Counts a request, or says what refuses it and counts nothing.
-- ARGV: time, lease id, lease's ms, number of windows; width, limit and amount of each window;
-- limit of each concurrency limit.
-- Returns the number of the limit that refuses the longest (-1: none), for how many ms, and the time;
-- then of each window what remains and in how many ms all of it is there again.
local windows = tonumber(ARGV[4])
local refused, wait = -1, 0
local seen = {}

local function refuse(by, ms)
  if ms > wait then refused, wait = by, ms end
end

local function wait_for_room(key, slot, width, excess)
  for old = slot - SLOTS, slot do
    excess = excess - (redis.call('HGET', key, old) or 0)
    if excess <= 0 then return leaves_in(old, width) end
  end
  return SLOTS * width
end

for i = 1, windows do
  local at = 2 + 3 * i
  local one = {width = tonumber(ARGV[at]), limit = tonumber(ARGV[at + 1]), amount = ARGV[at + 2]}
  one.slot, one.total = advance(KEYS[i], one.width)
  local excess = one.total + one.amount - one.limit
  if excess > 0 then refuse(i - 1, wait_for_room(KEYS[i], one.slot, one.width, excess)) end
  seen[i] = one
end
for i = windows + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  local limit = tonumber(ARGV[4 + 2 * windows + i])
  if redis.call('ZCARD', KEYS[i]) >= limit then refuse(i - 1, CONCURRENCY_RETRY_MS) end
end

local decision = {refused, wait, now}
for i, one in ipairs(seen) do
  if refused < 0 then
    add(KEYS[i], one.width, one.slot, one.slot, one.amount)
    one.total = one.total + one.amount
  end
  local last = redis.call('HGET', KEYS[i], 'last')
  table.insert(decision, math.max(0, one.limit - one.total))
  table.insert(decision, last and math.max(0, leaves_in(last, one.width)) or 0)
end
if refused < 0 then
  for i = windows + 1, #KEYS do
    redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[2])
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
return decision
