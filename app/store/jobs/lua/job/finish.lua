-- Ends a job: its last events and its response.
-- KEYS: index, stored bytes.
-- ARGV: id, lease token, holder, first event's number, events, their count, channel, then the
-- arguments of commit_turn.
-- Returns the number of bytes stored, nothing if this did not end the job, or a negative number as
-- append.lua does.
local id, token, holder, first, data, count, channel = unpack(ARGV)
local current, after, kind = unpack(redis.call('HMGET', job(id), 'owner', 'next', 'kind'))
if not current then
  -- It has ended: the note in `taken`, or the last entry of its stream, says whether by this
  -- holder.
  if redis.call('GET', taken(id)) == holder then return 0 end
  local last = redis.call('XREVRANGE', events(id), '+', '-', 'COUNT', 1)[1]
  return last and last[2][6] == holder and 0
end
if current == token and tonumber(after) < tonumber(first) then return -1 - after end
if current ~= token or after ~= first then return false end
local size = 0
if kind then -- its events can be remade from its cuts
  redis.call('UNLINK', events(id))
  redis.call('SET', taken(id), holder, 'EX', TAKEN_S)
else
  append(id, first, data, count, 'by', holder)
  size = tonumber(redis.call('HGET', job(id), 'size') or 0)
end
redis.call('UNLINK', job(id))
local committed = commit_turn(unpack(ARGV, 8))
if committed then add_stored(size) end
redis.call('PUBLISH', channel, 'ended ' .. id)
return committed and committed[2] + size or 0
