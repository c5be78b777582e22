-- Removes an id from the queues, leases and sets. If its job has ended, this step also queues its
-- webhook event (webhooks/lua/webhooks.lua). Until this step the job has a lease: if the step is
-- missed, a sweep finds that the job has ended and makes up for it.
-- ARGV: id; for a job that has ended also the event's id, its type, channel.
local id, event, type, channel = unpack(ARGV)
local account = redis.call('HGET', accounts, id)
redis.call('HDEL', accounts, id)
redis.call('ZREM', leases, id)
redis.call('ZREM', unrouted, id)
redis.call('ZREM', streams, id)
redis.call('SREM', parked, id)
if redis.call('ZREM', since, id) == 1 and account then
  redis.call('LREM', queue(account), 0, id)
  if redis.call('EXISTS', queue(account)) == 0 then redis.call('LREM', ring, 0, account) end
end
-- A job that was never accepted has no account here: its caller got an error.
if event and account and notify(account, id, event, type) then
  redis.call('PUBLISH', channel, 'webhook ' .. id)
end
