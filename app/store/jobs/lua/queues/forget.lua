-- Nothing waits or is leased under an id any more. Where that is since its job has ended, who wanted to
-- hear of that (webhooks/lua/webhooks.lua) will: until this step the job has a lease, and a sweep that
-- finds it ended makes up for the step.
-- ARGV: id; of a job that has ended: the event's id, its type, channel.
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
-- One that was never accepted has no account here: its caller knows what became of it.
if event and account and notify(account, id, event, type) then
  redis.call('PUBLISH', channel, 'webhook ' .. id)
end
