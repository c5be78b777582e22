-- One background response, or one that is streamed to its caller while it is made. Programs on a
-- single job begin with this, after conversation.lua and constants: FINISHER is the lease token of
-- a job that any process is finishing.
--
-- Keys, in the slot of the conversation's index. They exist until the job has ended, except for its
-- stream, which lives as long as the response:
--
--   <prefix>{tag}:job:<id>     hash
--     account, ticket            its account, and its payload
--     key                        the wrapped key that encrypts it (key_wrapping.py), if any
--     json_bytes                 size of an encrypted payload once it is decrypted, in bytes
--     status                     queued, in_progress, or ending: a process has taken the job over
--                                to finish it; one that is queued again is still in progress for
--                                callers
--     owner                      the lease token that may write, FINISHER once it is taken over
--     next, size                 the number of the next event; size in bytes of those before
--     begun                      the first lease token under which an upstream may have been called
--     left                       seconds left of its time when it was returned to its queue
--     spoke                      set once its model has produced output
--     usage                      tokens that the upstream has counted so far
--     cost                       its cost so far {"microusd": 12, "provider": "openai", "model": …}
--     retries                    the state of attempts at its upstream when it was parked
--     lost, why                  number of leases lost; why it is being finished
--     kind                       for one that a web process streams to its caller: stream, or
--                                outlasting if it may go on without the caller. Its events exist
--                                while it runs; then its cuts replace them
--   <prefix>{tag}:events:<id>  stream: one entry per flush, its id <number of first event + 1>;
--                              n: number after its last event, d: the events, by: finisher's holder
--   <prefix>{tag}:taken:<id>   for TAKEN_S seconds, if another process than its own ended a stream:
--                              that process's holder word
--
-- A job and its stream, while it runs:
--
--   account acme  ticket {…}  status in_progress  owner 5f3a…  begun 5f3a…  next 3  size 412
--   1-0  n 2  d <2 events>        3-0  n 3  d <1 event>
--
-- A reply may be lost and its program run again: each detects that it has run before.
local function set_record(id, status) redis.call('HSET', index, id, status .. ':0:-1:') end
local function job(id) return index .. ':job:' .. id end
local function events(id) return index .. ':events:' .. id end
local function taken(id) return index .. ':taken:' .. id end

-- Stores a job's wrapped key and the key's check value.
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

-- Returns the size of a job's payload in bytes if it exceeds `most`, otherwise false.
local function too_long(id, most)
  if not most then return false end
  local size = redis.call('HGET', job(id), 'json_bytes') or redis.call('HSTRLEN', job(id), 'ticket')
  size = tonumber(size)
  return size > tonumber(most) and size
end

-- Returns the fields of a claim (jobs/codec.py).
local function claim(id)
  return redis.call('HMGET', job(id),
    'account', 'ticket', 'next', 'usage', 'begun', 'why', 'retries', 'cost', 'kind', 'key', 'left')
end

-- Notes that under a token nothing was taken of an upstream.
local function undo_begun(id, token)
  if redis.call('HGET', job(id), 'begun') == token then redis.call('HDEL', job(id), 'begun') end
end

-- Returns the channel on which the process that runs it listens.
local function channel_of(id, channel)
  return redis.call('HEXISTS', job(id), 'kind') == 1 and channel .. ':streams' or channel
end

local function take_over(id, why, channel)
  redis.call('HSETNX', job(id), 'why', why)
  redis.call('HSET', job(id), 'owner', FINISHER, 'status', 'ending')
  set_record(id, 'in_progress')
  redis.call('PUBLISH', channel_of(id, channel), 'seized ' .. id)
end
