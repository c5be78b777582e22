-- Stores a turn.
-- KEYS: index; where there is no Cluster stored bytes, the account's responses and, for the first turn
-- of a conversation, the account's conversations.
-- ARGV: what commit_turn takes; the channel for news; when the turn came, and the conversation's tag.
-- Returns what commit_turn does.
if KEYS[4] then redis.call('ZADD', KEYS[4], ARGV[14], ARGV[15]) end
local committed, id = commit_turn(unpack(ARGV, 1, 12)), ARGV[2]
if committed and KEYS[3] then redis.call('ZADD', KEYS[3], ARGV[14], id) end
-- What was kept of a stream while it ran (jobs/lua/job/job.lua) gives way to what is stored.
if committed and ARGV[9] ~= '' and
  redis.call('UNLINK', index .. ':job:' .. id, index .. ':events:' .. id) > 0 then
  redis.call('PUBLISH', ARGV[13], 'ended ' .. id)
end
return committed
