"""What Redis does by itself to count requests, tokens and requests in flight.

{account:NAME}:window:<name>  hash: amount by slot; `total` of them; `head`, the slot when it
                              was last looked at; `last`, the newest that holds something
{account:NAME}:flight:<name>  sorted set: ids of leases by the time of their end, ms
"""

from __future__ import annotations

from app.store.connection.script import Script
from app.store.rate_limits.base import FLIGHT_RETRY_S, SLOTS

# Windows are passed as their key, their length of a slot in ms, and what each program wants more.
# ARGV[1] is the time in ms, empty for Redis's own.
_LIBRARY = (
    f"""
local SLOTS = {SLOTS}
local FLIGHT_RETRY_MS = {int(FLIGHT_RETRY_S * 1000)}
"""
    + """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function leaves_in(slot, width) return (slot + SLOTS + 1) * width - now end

-- Forget what has left the window; return the slot of now and the amount that it holds.
local function advance(key, width)
  local slot = math.floor(now / width)
  local seen = redis.call('HMGET', key, 'head', 'total')
  local head, total = tonumber(seen[1]), tonumber(seen[2])
  if not head then return slot, 0 end
  if slot <= head then return head, total end
  if slot - head > SLOTS then
    redis.call('DEL', key)
    return slot, 0
  end
  for old = head - SLOTS, slot - SLOTS - 1 do
    local amount = redis.call('HGET', key, old)
    if amount then
      total = total - amount
      redis.call('HDEL', key, old)
    end
  end
  redis.call('HSET', key, 'head', slot, 'total', total)
  return slot, total
end

local function add(key, width, head, slot, amount)
  redis.call('HINCRBY', key, slot, amount)
  redis.call('HINCRBY', key, 'total', amount)
  local last = tonumber(redis.call('HGET', key, 'last') or 0)
  redis.call('HSET', key, 'head', head, 'last', math.max(last, slot))
  redis.call('PEXPIRE', key, (SLOTS + 2) * width)
end
"""
)

# ARGV: time, lease id, lease's ms, number of windows; width, limit and amount of each window;
# limit of each flight.
DEMAND = Script(
    _LIBRARY,
    """
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
  if redis.call('ZCARD', KEYS[i]) >= limit then refuse(i - 1, FLIGHT_RETRY_MS) end
end

local told = {refused, wait, now}
for i, one in ipairs(seen) do
  if refused < 0 then
    add(KEYS[i], one.width, one.slot, one.slot, one.amount)
    one.total = one.total + one.amount
  end
  local last = redis.call('HGET', KEYS[i], 'last')
  table.insert(told, math.max(0, one.limit - one.total))
  table.insert(told, last and math.max(0, leaves_in(last, one.width)) or 0)
end
if refused < 0 then
  for i = windows + 1, #KEYS do
    redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[2])
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
return told
""",
)

# ARGV: time, lease id, when the amounts were counted, number of windows; width, change
# and counted amount of each: no more than that was counted is given back.
SETTLE = Script(
    _LIBRARY,
    """
local windows = tonumber(ARGV[4])
for i = 1, windows do
  local at = 2 + 3 * i
  local width = tonumber(ARGV[at])
  local change = math.max(tonumber(ARGV[at + 1]), -tonumber(ARGV[at + 2]))
  local head = advance(KEYS[i], width)
  local slot = math.floor(ARGV[3] / width)
  if slot < head - SLOTS then slot, change = head, math.max(0, change) end
  local held = redis.call('HGET', KEYS[i], slot) or 0
  change = math.max(change, -held)
  if change ~= 0 then add(KEYS[i], width, head, slot, change) end
end
for i = windows + 1, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2])
end
""",
)

# ARGV: time, lease's ms, lease ids. A lease that has ended has left no place to come back to.
RENEW = Script(
    _LIBRARY,
    """
for i = 3, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end
""",
)
