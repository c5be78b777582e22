-- Counts requests and tokens over time, and concurrent requests. Every program of rate limits
-- begins with this, after the constants SLOTS, CONCURRENCY_RETRY_MS,
-- REPEATED_S (base.py) and WITHDRAWN.
--
-- Keys:
--
--   <prefix>{account:NAME}:window:<name>  hash: amount by slot; `total` of them; `head`, the slot
--                                         when it was last looked at; `last`, the newest slot with
--                                         an amount
--   <prefix>{account:NAME}:flight:<name>  sorted set: ids of leases by the time of their end, ms
--   <prefix>{account:NAME}:acquired:<id>  string, for REPEATED_S seconds: a request with this lease
--                                         was let in by budgets; its program may be run again.
--                                         When, in ms, or WITHDRAWN: it must not be let in any more
--   <prefix>{account:NAME}:adjusted:<id>  the same of its correction, which may be written again
--
-- A slot is a number: the time in ms, divided by the slot's width. A window of a minute, with 3
-- requests in one second and 1 in the next:
--
--   1864742400  3    1864742401  1    total  4    head  1864742401    last  1864742401
--
-- Programs get windows as a key, the slot width in ms, and further arguments. KEYS are the windows,
-- then the concurrency limits. ARGV[1] is the time in ms, or empty for Redis's own.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Returns the ms until a slot leaves its window.
local function leaves_in(slot, width) return (slot + SLOTS + 1) * width - now end

-- Drops slots that have left the window; returns the current slot and the window's amount. A clock
-- that was set back by less than a window lets nobody in twice; one that was further ahead had the
-- wrong time, and shuts nobody out until then.
local function advance(key, width)
  local slot = math.floor(now / width)
  local seen = redis.call('HMGET', key, 'head', 'total')
  local head, total = tonumber(seen[1]), tonumber(seen[2])
  if not head then return slot, 0 end
  if slot <= head and head - slot <= SLOTS then return head, total end
  if math.abs(slot - head) > SLOTS then
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
