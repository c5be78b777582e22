-- KEYS: the key (begin.lua). ARGV: token, answer, its lifetime in ms.
local token, answer, kept = unpack(ARGV)
if redis.call('HGET', KEYS[1], 'token') ~= token then return 0 end
redis.call('HSET', KEYS[1], 'answer', answer)
redis.call('HDEL', KEYS[1], 'token', 'until', 'waited', 'response', 'noted')
redis.call('PEXPIRE', KEYS[1], kept)
return 1
