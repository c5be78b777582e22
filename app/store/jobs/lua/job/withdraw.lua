-- Takes back what create.lua has written, unless a worker has begun to run it.
-- KEYS: index. ARGV: account, id.
local account, id = unpack(ARGV)
local status, begun = unpack(redis.call('HMGET', job(id), 'status', 'begun'))
if not owned(account) or status ~= 'queued' or begun then return 0 end
redis.call('UNLINK', job(id))
redis.call('HDEL', index, id, terms(id), 'check:' .. id)
if redis.call('HLEN', index) == 1 then redis.call('UNLINK', index) end
return 1
