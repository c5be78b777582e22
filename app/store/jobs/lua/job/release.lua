-- Frees a job whose model has produced no output yet, for the worker that takes it next.
-- KEYS: index. ARGV: id, lease token, retries.
-- Returns whether the token held the job.
local id, token, retries = unpack(ARGV)
local current, spoke = unpack(redis.call('HMGET', job(id), 'owner', 'spoke'))
if current ~= token or spoke then return 0 end
redis.call('HSET', job(id), 'status', 'queued', 'owner', '', 'retries', retries)
return 1
