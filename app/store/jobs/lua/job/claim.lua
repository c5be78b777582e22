-- Begins to run a job.
-- KEYS: index. ARGV: id, lease token, how many bytes its payload may have, if it is to be asked for
-- room where it has more.
-- Returns the claim, or nothing unless the job waits (or is this token's already), or how many bytes its
-- payload has: then nothing has changed.
local id, token, most = unpack(ARGV)
local status, current = unpack(redis.call('HMGET', job(id), 'status', 'owner'))
if not status or (status ~= 'queued' and current ~= token) then return false end
local long = too_long(id, most)
if long then return long end
redis.call('HSET', job(id), 'status', 'in_progress', 'owner', token)
redis.call('HSETNX', job(id), 'begun', token)
set_record(id, 'in_progress')
return claim(id)
