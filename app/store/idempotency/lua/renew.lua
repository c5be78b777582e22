-- KEYS: the key (begin.lua). ARGV: token, lease in ms.
-- Renews the lease. Returns the ms since somebody last waited, -1 if nobody ever did, or nothing if
-- the token no longer holds the key.
local token, lease = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner, waited = unpack(redis.call('HMGET', KEYS[1], 'token', 'waited'))
if owner ~= token then return false end
redis.call('HSET', KEYS[1], 'until', now + lease)
return waited and now - waited or -1
