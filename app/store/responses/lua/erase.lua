-- Removes a conversation, and the job records beside it (jobs/lua/job/job.lua).
-- KEYS: index, stored bytes.
-- Returns the number of bytes freed.
for log = 0, tonumber(redis.call('HGET', index, 'forks') or 0) do
  redis.call('UNLINK', index .. ':' .. log)
end
for _, id in ipairs(redis.call('HKEYS', index)) do
  redis.call('UNLINK', index .. ':job:' .. id, index .. ':events:' .. id)
end
local bytes = tonumber(redis.call('HGET', index, 'bytes') or 0)
add_stored(-bytes)
redis.call('UNLINK', index, index .. ':common', index .. ':removed', index .. ':cuts',
  index .. ':expiring')
return bytes
