-- Gives back a claimed job, or one whose lease was lost: to its queue, or else to be finished.
-- KEYS: index.
-- ARGV: id, lease token ('' for any), why ('refused' ends it), how many lost leases end a job,
-- channel.
-- Returns the account where the job is to be queued again, the claim where it is to be finished, the
-- status of the response where the job has ended, nothing where it is not the token's.
local id, token, why, most, channel = unpack(ARGV)
local status, current, account, spoke, kind = unpack(
  redis.call('HMGET', job(id), 'status', 'owner', 'account', 'spoke', 'kind'))
if not status then return (record(id) or {}).status end
if token ~= '' and current ~= token then return false end
-- Nobody else can stream it to its caller; it was accepted as it began.
if kind and why == 'refused' then why = 'lost' end
-- It was given back before, and that reply was lost.
if status == 'queued' and why ~= 'refused' then return {account} end
-- A process has taken it over and did not finish it.
if status == 'ending' then return claim(id) end
local losses = why == 'lost' and redis.call('HINCRBY', job(id), 'lost', 1) or 0
-- What its model has said cannot be said again, and a job that takes its workers with it ends.
if spoke or kind or why == 'refused' or losses >= tonumber(most) then
  take_over(id, why, channel)
  return claim(id)
end
-- From now on its holder can write nothing; the message tells it to stop.
redis.call('HSET', job(id), 'status', 'queued', 'owner', '')
redis.call('PUBLISH', channel, 'seized ' .. id)
return {account}
