-- Gives back a claimed job, or one whose lease was lost: to its queue, or to be finished.
-- KEYS: index.
-- ARGV: id, lease token ('' for any), why ('refused' ends it), the number of lost leases that ends
-- a job, channel, seconds left of the job's time ('' if unknown), 1 if no upstream was called under
-- the token.
-- Returns the account if the job is to be queued again, the claim if it is to be finished, the
-- response's status if the job has ended, nothing if the token does not hold it.
local id, token, why, most, channel, left, uncalled = unpack(ARGV)
local status, current, account, spoke, kind = unpack(
  redis.call('HMGET', job(id), 'status', 'owner', 'account', 'spoke', 'kind'))
if not status then return (record(id) or {}).status end
if token ~= '' and current ~= token then return false end
-- A stream cannot be refused: it was accepted when it began, and no other process can continue it.
if kind and why == 'refused' then why = 'lost' end
-- It was given back before, but that reply was lost.
if status == 'queued' and why ~= 'refused' then return {account} end
-- A process took it over and did not finish it.
if status == 'ending' then return claim(id) end
local losses = why == 'lost' and redis.call('HINCRBY', job(id), 'lost', 1) or 0
-- Output of its model cannot be produced again, and a job that repeatedly kills its workers is
-- ended.
if spoke or kind or why == 'refused' or losses >= tonumber(most) then
  take_over(id, why, channel)
  return claim(id)
end
-- From now on its holder can write nothing; the message tells it to stop.
redis.call('HSET', job(id), 'status', 'queued', 'owner', '')
if left ~= '' then redis.call('HSET', job(id), 'left', left) end
if uncalled == '1' then undo_begun(id, token) end
redis.call('PUBLISH', channel, 'seized ' .. id)
return {account}
