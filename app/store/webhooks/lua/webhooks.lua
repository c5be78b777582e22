-- Webhooks. Programs on them begin with this, after clock.lua; so does the program that ends a job
-- in the queues (jobs/lua/queues/forget.lua), after queues.lua. All keys share a slot, so that an
-- ended job leaves the queues in the same step in which its event is queued.
--
--   <prefix>{jobs}:webhooks:owners               hash: endpoint id -> account
--   <prefix>{jobs}:webhooks:endpoints:<account>  hash: endpoint id -> endpoint, as JSON (codec.py)
--   <prefix>{jobs}:webhooks:events:<endpoint>    hash: event id -> type, response id, time in Unix
--                                                seconds and attempts so far, each after a space
--   <prefix>{jobs}:webhooks:due:<endpoint>       sorted set: event ids by when they are due, in ms
--   <prefix>{jobs}:webhooks:attempts:<endpoint>  list: the delivery log, newest first, JSON
--   <prefix>{jobs}:webhooks:ready                sorted set: endpoints by their next look, in ms
--   <prefix>{jobs}:webhooks:sending              sorted set: "<endpoint> <event>" by the end of the
--                                                lease of the worker that sends it, in ms
--   <prefix>{jobs}:webhooks:failures             hash: endpoint -> failed attempts in a row
--   <prefix>{jobs}:webhooks:resting              hash: endpoint -> when sending may resume, in ms
--   <prefix>{jobs}:webhooks:dropped              number of events dropped because too many waited
--                                                that no worker has counted in its metrics yet
--
-- From its job's end to its last attempt, an event is either due or being sent.
local hooks = jobs .. ':webhooks'
local owners, ready, sending = hooks .. ':owners', hooks .. ':ready', hooks .. ':sending'
local failures, resting = hooks .. ':failures', hooks .. ':resting'
local dropped = hooks .. ':dropped'
local function endpoints(account) return hooks .. ':endpoints:' .. account end
local function events(endpoint) return hooks .. ':events:' .. endpoint end
local function due(endpoint) return hooks .. ':due:' .. endpoint end
local function attempts(endpoint) return hooks .. ':attempts:' .. endpoint end

-- Schedules a look at an endpoint at a time, or sooner if one was scheduled, but not while it
-- rests.
local function look_at(endpoint, at)
  at = math.max(at, tonumber(redis.call('HGET', resting, endpoint) or 0))
  redis.call('ZADD', ready, 'LT', at, endpoint)
end

-- Drops an event.
local function drop(endpoint, event)
  redis.call('HDEL', events(endpoint), event)
  redis.call('ZREM', due(endpoint), event)
end

-- Drops the event that is due first, if the maximum number wait.
local function make_room(endpoint)
  if redis.call('HLEN', events(endpoint)) < MOST_WAITING then return end
  local first = redis.call('ZRANGE', due(endpoint), 0, 0)[1]
  if not first then return end -- all are being sent
  drop(endpoint, first)
  redis.call('INCR', dropped)
end

-- Queues an event for each endpoint of an account that wants this type.
-- Returns whether there is one.
local function notify(account, id, event, type)
  local found = redis.call('HGETALL', endpoints(account))
  local queued = false
  for at = 1, #found, 2 do
    local endpoint = found[at]
    for _, wanted in ipairs(cjson.decode(found[at + 1]).event_types) do
      if wanted == type then
        make_room(endpoint)
        redis.call('HSET', events(endpoint), event, table.concat({type, id, time[1], 0}, ' '))
        redis.call('ZADD', due(endpoint), now, event)
        look_at(endpoint, now)
        queued = true
      end
    end
  end
  return queued
end
