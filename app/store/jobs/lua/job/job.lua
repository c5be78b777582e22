-- One background response, or one that is streamed to its caller while it is made. Programs of
-- single jobs have this in front, behind conversation.lua and constants: FINISHER is the lease token
-- of a job that is being finished, by any process.
--
-- Keys, neighbours of the conversation's index. They are there until the job has ended, but for its
-- stream, which lives as long as the response:
--
--   <prefix>{tag}:job:<id>     hash
--     account, ticket            what enqueue was given; the ticket is the job's payload
--     key                        what encrypts it, wrapped (key_wrapping.py), where it has a key
--     json_bytes                 how many bytes a job's payload has that is encrypted, once it is opened
--     status                     queued, in_progress, or ending: a process has taken the job over to
--                                finish it; one that is queued again is still in progress for callers
--     owner                      the lease token that may write, FINISHER once it is taken over
--     next, size                 the number of the next event; how many bytes those before take
--     begun                      the first lease token
--     spoke                      set once its model has said something
--     usage                      what the upstream has counted so far
--     cost                       what that costs: {"microusd": 12, "provider": "openai", "model": …}
--     retries                    the state of attempts at its upstream when it was parked
--     lost, why                  how many leases were lost; why it is being finished
--     kind                       of one that a web process streams to its caller: stream, or
--                                outlasting where it may go on without him. Its events are there
--                                while it runs; then they give way to its cuts
--   <prefix>{tag}:events:<id>  stream: an entry a flush, its id the number of its first event + 1;
--                              n: the number behind its last, d: the events, by: the finisher's word
--   <prefix>{tag}:taken:<id>   where another process than its own has ended a stream: that one's word,
--                              for TAKEN_S seconds
--
-- A job and its stream, while it runs:
--
--   account acme  ticket {"account":…}  status in_progress  owner 5f3a…  begun 5f3a…  next 3  size 412
--   1-0  n 2  d <2 events>        3-0  n 3  d <1 event>
--
-- A reply may be lost and its program run again: each finds out that it has run before.
local function set_record(id, status) redis.call('HSET', index, id, status .. ':0:-1:') end
local function job(id) return index .. ':job:' .. id end
local function events(id) return index .. ':events:' .. id end
local function taken(id) return index .. ':taken:' .. id end

-- Writes what encrypts a job, and what tells that key from others.
local function set_key(id, check, key)
  if check == '' then return end
  redis.call('HSET', index, 'check:' .. id, check)
  redis.call('HSET', job(id), 'key', key)
end

local function append(id, first, data, count, ...)
  if count == '0' then return end
  redis.call('XADD', events(id), (first + 1) .. '-0', 'n', first + count, 'd', data, ...)
  redis.call('HSET', job(id), 'next', first + count)
  redis.call('HINCRBY', job(id), 'size', #data)
end

-- How many bytes a job's payload has, where that is more than `most`, if there is such a bound.
local function too_long(id, most)
  if not most then return false end
  local size = redis.call('HGET', job(id), 'json_bytes') or redis.call('HSTRLEN', job(id), 'ticket')
  size = tonumber(size)
  return size > tonumber(most) and size
end

-- What a claim is made of (jobs/codec.py).
local function claim(id)
  return redis.call('HMGET', job(id),
    'account', 'ticket', 'next', 'usage', 'begun', 'why', 'retries', 'cost', 'kind', 'key')
end

-- Where whoever runs it listens.
local function channel_of(id, channel)
  return redis.call('HEXISTS', job(id), 'kind') == 1 and channel .. ':streams' or channel
end

local function take_over(id, why, channel)
  redis.call('HSETNX', job(id), 'why', why)
  redis.call('HSET', job(id), 'owner', FINISHER, 'status', 'ending')
  set_record(id, 'in_progress')
  redis.call('PUBLISH', channel_of(id, channel), 'seized ' .. id)
end
