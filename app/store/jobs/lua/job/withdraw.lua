-- Undoes create.lua, and what a worker has done with the job since: the worker can write nothing
-- more, and is told to stop.
-- KEYS: index. ARGV: account, id, channel.
-- Returns 1 if the job has ended: then its response stays.
local account, id, channel = unpack(ARGV)
if redis.call('EXISTS', job(id)) == 0 then return redis.call('HEXISTS', index, id) end
if not owned(account) then return 0 end
redis.call('PUBLISH', channel, 'seized ' .. id)
redis.call('UNLINK', job(id), events(id))
redis.call('HDEL', index, id, terms(id), 'check:' .. id)
if redis.call('HLEN', index) == 1 then redis.call('UNLINK', index) end
return 0
