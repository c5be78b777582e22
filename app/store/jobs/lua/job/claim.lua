-- Claims a job to run it.
-- KEYS: index. ARGV: id, lease token, and optionally a size limit for the payload in bytes.
-- Returns the claim; nothing unless the job waits (or is this token's already); or, above the
-- limit, only the payload's size: then nothing has changed.
local id, token, most = unpack(ARGV)
local status, current = unpack(redis.call('HMGET', job(id), 'status', 'owner'))
if status ~= 'queued' and current ~= token then return false end
local long = too_long(id, most)
if long then return long end
redis.call('HSET', job(id), 'status', 'in_progress', 'owner', token)
redis.call('HSETNX', job(id), 'begun', token)
set_record(id, 'in_progress')
return claim(id)
