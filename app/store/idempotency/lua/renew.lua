-- KEYS: the key (begin.lua). ARGV: token, lease in ms.
-- Returns for how many ms nobody has waited, -1 where nobody ever did, or nothing where the key is
-- not the token's any more.
local token, lease = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner, waited = unpack(redis.call('HMGET', KEYS[1], 'token', 'waited'))
if owner ~= token then return false end
redis.call('HSET', KEYS[1], 'until', now + lease)
return waited and now - waited or -1
