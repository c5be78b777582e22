-- Begins to run a job.
-- KEYS: index. ARGV: id, lease token.
-- Returns the claim, or nothing unless the job waits (or is this token's already).
local id, token = unpack(ARGV)
local status, current = unpack(redis.call('HMGET', job(id), 'status', 'owner'))
if not status or (status ~= 'queued' and current ~= token) then return false end
redis.call('HSET', job(id), 'status', 'in_progress', 'owner', token)
redis.call('HSETNX', job(id), 'begun', token)
set_record(id, 'in_progress')
return claim(id)
