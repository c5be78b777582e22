-- Stores a turn.
-- KEYS: index; where there is no Cluster stored bytes, the account's responses and, for the first turn
-- of a conversation, the account's conversations.
-- ARGV: what commit_turn takes; the channel for news; with the fourth key the conversation's tag.
-- Returns what commit_turn does.
local came = string.match(ARGV[11], '^%d+')
if KEYS[4] then redis.call('ZADD', KEYS[4], came, ARGV[14]) end
local committed, id = commit_turn(unpack(ARGV, 1, 12)), ARGV[2]
if committed and KEYS[3] then redis.call('ZADD', KEYS[3], came, id) end
-- What was kept of a stream while it ran (jobs/lua/job/job.lua) gives way to what is stored.
if committed and ARGV[9] ~= '' and
  redis.call('UNLINK', index .. ':job:' .. id, index .. ':events:' .. id) > 0 then
  redis.call('PUBLISH', ARGV[13], 'ended ' .. id)
end
return committed
