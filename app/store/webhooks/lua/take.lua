-- Takes due events, at most one of each endpoint, the longest waiting first.
-- ARGV: lease in ms, maximum number of events, maximum under way to an endpoint and of an account,
-- seconds for which an event is tried, maximum number of endpoints to look at.
-- Returns the ms until the next look (-1: nothing waits) and the number of events dropped unsent;
-- then for each delivery the account, the endpoint's id and JSON, the event's id and text.
local lease, most, per_endpoint, per_account, tried, width = unpack(ARGV)
-- Ms after which an endpoint with its maximum under way is looked at again.
local AGAIN = 250

-- 1. Events that a lost worker was sending are due again.
for _, each in ipairs(redis.call('ZRANGEBYSCORE', sending, '-inf', now, 'LIMIT', 0, width)) do
  local endpoint, event = string.match(each, '^(%S+) (%S+)$')
  redis.call('ZREM', sending, each)
  if redis.call('HEXISTS', events(endpoint), event) == 1 then
    redis.call('ZADD', due(endpoint), now, event)
    look_at(endpoint, now)
  end
end

-- 2. Count what is under way.
local under_way = {}
local function count(name) under_way[name] = (under_way[name] or 0) + 1 end
local function busy(name, bound) return (under_way[name] or 0) >= tonumber(bound) end
for _, each in ipairs(redis.call('ZRANGE', sending, 0, -1)) do
  local endpoint = string.match(each, '^(%S+) ')
  count(endpoint)
  count(':' .. (redis.call('HGET', owners, endpoint) or ''))
end

-- Returns an endpoint's first event and when it is due. Drops events that were tried for too long,
-- and old ones never tried if the endpoint has been failing (if it has not, no worker was running).
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

-- 3. Take one event of each endpoint that is to be looked at.
local taken = {}
for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', ready, '-inf', now, 'LIMIT', 0, width)) do
  if #taken >= 5 * most then break end
  local account = redis.call('HGET', owners, endpoint)
  local event, at, text = first(endpoint)
  if not account or (not event and redis.call('EXISTS', due(endpoint)) == 0) then
    redis.call('ZREM', ready, endpoint)
  elseif not event then -- more was dropped than one step looks at
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
