-- Records that a caller waits for the answer.
-- KEYS: the key (begin.lua).
if redis.call('HEXISTS', KEYS[1], 'token') == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'waited', time[1] * 1000 + math.floor(time[2] / 1000))
return 1
