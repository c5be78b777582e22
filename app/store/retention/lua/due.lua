-- Takes the sweep's lease and lists what is due to be purged.
--
--   <prefix>{expiring}           sorted set: ids of responses, of items that came alone and of
--                                conversations, by when they are to be purged (Unix seconds)
--   <prefix>{expiring}:lease     string: the token of the sweeping process, while its lease lasts
--   <prefix>{expiring}:unlogged  set: ids of purged responses that are still in the request log
--   <prefix>{expiring}:since     string: when a release that writes terms was first here (Unix s)
--
-- KEYS: the sorted set, lease, since. ARGV: token, lease in ms, maximum number.
-- Returns the ids, oldest first, the number of all that are due, and how late the oldest is in
-- seconds; nothing if another process sweeps.
local token, lease, most = unpack(ARGV)
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= token then return false end
redis.call('SET', KEYS[2], token, 'PX', lease)
local now = redis.call('TIME')[1]
redis.call('SET', KEYS[3], now, 'NX')
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
local ids = {}
for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
local late = found[2] and now - found[2] or 0
return {ids, redis.call('ZCOUNT', KEYS[1], '-inf', now), late}
