-- KEYS: the key (begin.lua). ARGV: token, answer, its lifetime in ms, and the digest of a claim that may
-- have been lost with its server, else ''.
-- An answer that is kept already is written again: then replicas can be waited for again.
local token, answer, kept, digest = unpack(ARGV)
local known, owner, before = unpack(redis.call('HMGET', KEYS[1], 'digest', 'token', 'answer'))
local is_lost = not known and digest ~= ''
if not is_lost and owner ~= token and before ~= answer then return 0 end
redis.call('HSET', KEYS[1], 'answer', answer)
if is_lost then redis.call('HSET', KEYS[1], 'digest', digest) end
redis.call('HDEL', KEYS[1], 'token', 'until', 'waited', 'response', 'noted')
redis.call('PEXPIRE', KEYS[1], kept)
return 1
