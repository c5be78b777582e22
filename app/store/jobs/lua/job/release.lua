-- Frees a job whose model has produced no output yet, for the worker that takes it next.
-- KEYS: index. ARGV: id, lease token, retries.
-- Returns whether the token held the job.
local id, token, retries = unpack(ARGV)
local current, spoke, before = unpack(redis.call('HMGET', job(id), 'owner', 'spoke', 'retries'))
-- It was freed before, but that reply was lost.
if current == '' and before == retries then return 1 end
if current ~= token or spoke then return 0 end
undo_begun(id, token)
redis.call('HSET', job(id), 'status', 'queued', 'owner', '', 'retries', retries)
return 1
