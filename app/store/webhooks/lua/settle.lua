-- Writes what became of an attempt.
-- ARGV: endpoint, event, attempt, whether it failed, when to try again in ms ('' for never again),
-- until when the endpoint wants nothing in ms, the log's entry, how many entries there may be, how
-- long an endpoint rests at most in ms.
-- Returns whether it counts: the endpoint or event may be gone, or another worker's attempt by now.
local endpoint, event, attempt, failed, again, quiet, entry, most, longest = unpack(ARGV)
local text = redis.call('HGET', events(endpoint), event)
if text and string.match(text, ' (%d+)$') ~= attempt then return 0 end
redis.call('ZREM', sending, endpoint .. ' ' .. event)
if not text then return 0 end
if again == '' then
  drop(endpoint, event)
else
  redis.call('ZADD', due(endpoint), again, event)
end
redis.call('LPUSH', attempts(endpoint), entry)
redis.call('LTRIM', attempts(endpoint), 0, most - 1)
-- An endpoint that fails again and again is left alone for a while: 1 s, 2 s, 4 s ...
if failed == '1' then
  local number = redis.call('HINCRBY', failures, endpoint, 1)
  local rest = math.min(tonumber(longest), 1000 * 2 ^ math.min(number - 1, 20))
  redis.call('HSET', resting, endpoint, string.format('%d', math.max(now + rest, tonumber(quiet))))
else
  redis.call('HDEL', failures, endpoint)
  redis.call('HDEL', resting, endpoint)
end
redis.call('ZREM', ready, endpoint)
local first = redis.call('ZRANGE', due(endpoint), 0, 0, 'WITHSCORES')[2]
if first then look_at(endpoint, tonumber(first)) end
return 1
