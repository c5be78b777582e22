-- Takes what is due, an event of each endpoint at most, those first that have waited longest.
-- ARGV: lease in ms, how many at most, how many at once to an endpoint, to an account, for how many
-- seconds an event is tried, how many endpoints are looked at.
-- Returns in how many ms to look again (-1: nothing waits) and how many events were forgotten unsent,
-- then of each delivery the account, the endpoint's id and JSON, the event's id and text.
local lease, most, per_endpoint, per_account, tried, width = unpack(ARGV)
-- An endpoint with as much under way as it may have is looked at again after so many ms.
local AGAIN = 250

-- 1. What a lost worker was sending is due again.
for _, each in ipairs(redis.call('ZRANGEBYSCORE', sending, '-inf', now, 'LIMIT', 0, width)) do
  local endpoint, event = string.match(each, '^(%S+) (%S+)$')
  redis.call('ZREM', sending, each)
  if redis.call('HEXISTS', events(endpoint), event) == 1 then
    redis.call('ZADD', due(endpoint), now, event)
    look_at(endpoint, now)
  end
end

-- 2. How much is under way.
local under_way = {}
local function count(name) under_way[name] = (under_way[name] or 0) + 1 end
local function busy(name, bound) return (under_way[name] or 0) >= tonumber(bound) end
for _, each in ipairs(redis.call('ZRANGE', sending, 0, -1)) do
  local endpoint = string.match(each, '^(%S+) ')
  count(endpoint)
  count(':' .. (redis.call('HGET', owners, endpoint) or ''))
end

-- The first event of an endpoint and when it is due; one that was tried for too long is forgotten.
-- What nobody has tried is, too, where the endpoint takes nothing; else there was no worker.
local forgotten = tonumber(redis.call('GETDEL', dropped) or 0)
local function is_worth_it(endpoint, text)
  local created, done = string.match(text, ' (%d+) (%d+)$')
  if not created then return false end
  local age = time[1] - created
  if done ~= '0' then return age <= tried + 3600 end
  return age <= tonumber(tried) or redis.call('HEXISTS', failures, endpoint) == 0
end
local function first(endpoint)
  for _ = 1, tonumber(width) do
    local event, at = unpack(redis.call('ZRANGE', due(endpoint), 0, 0, 'WITHSCORES'))
    if not event or tonumber(at) > now then return event, at end
    local text = redis.call('HGET', events(endpoint), event) or ''
    if is_worth_it(endpoint, text) then return event, at, text end
    drop(endpoint, event)
    forgotten = forgotten + 1
  end
end

-- 3. An event of each endpoint whose turn it is.
local taken = {}
for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', ready, '-inf', now, 'LIMIT', 0, width)) do
  if #taken >= 5 * most then break end
  local account = redis.call('HGET', owners, endpoint)
  local event, at, text = first(endpoint)
  if not account or (not event and redis.call('EXISTS', due(endpoint)) == 0) then
    redis.call('ZREM', ready, endpoint)
  elseif not event then -- more was forgotten than is looked at in one step
    redis.call('ZADD', ready, now, endpoint)
  elseif not text then
    redis.call('ZADD', ready, at, endpoint)
  elseif busy(endpoint, per_endpoint) or busy(':' .. account, per_account) then
    redis.call('ZADD', ready, now + AGAIN, endpoint)
  else
    local rest, done = string.match(text, '^(.*) (%d+)$')
    text = rest .. ' ' .. (done + 1)
    redis.call('HSET', events(endpoint), event, text)
    redis.call('ZREM', due(endpoint), event)
    redis.call('ZADD', sending, now + lease, endpoint .. ' ' .. event)
    redis.call('ZADD', ready, now, endpoint)
    count(endpoint)
    count(':' .. account)
    local record = redis.call('HGET', endpoints(account), endpoint)
    for _, value in ipairs({account, endpoint, record, event, text}) do taken[#taken + 1] = value end
  end
end
local next_at = redis.call('ZRANGE', ready, 0, 0, 'WITHSCORES')[2]
local lease_at = redis.call('ZRANGE', sending, 0, 0, 'WITHSCORES')[2]
if lease_at and (not next_at or tonumber(lease_at) < tonumber(next_at)) then next_at = lease_at end
return {next_at and math.max(0, next_at - now) or -1, forgotten, unpack(taken)}
