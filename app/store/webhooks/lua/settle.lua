-- Records the result of an attempt.
-- ARGV: endpoint, event, attempt, 1 if it failed, time of the next attempt in ms ('' for none),
-- time until which the endpoint asked for silence in ms, the log's entry, maximum number of
-- entries, an endpoint's longest rest in ms.
-- Returns whether it counts: the endpoint or event may be gone, or be taken by another worker by
-- now. A reply may be lost, and the program run again: what is in the log has been recorded.
local endpoint, event, attempt, failed, again, quiet, entry, most, longest = unpack(ARGV)
if redis.call('LPOS', attempts(endpoint), entry) then return 1 end
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
-- An endpoint that fails repeatedly is left alone for a while: 1 s, 2 s, 4 s ...
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
